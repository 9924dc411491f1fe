package change_test

import (
	"context"
	"testing"
	"time"

	"nameplate/internal/change"
)

func TestPhoto_SetReplaceRemoveAndUndo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// The service encodes anew what it is given.
	w.box.reencode = func(b []byte) []byte { return recoded(t, b, 40) }
	photo := func(key string, b []byte) change.Outcome {
		return w.apply(change.Change{Key: key, On: anna, Do: change.Photo, Photo: b, By: self(anna)})
	}
	one := photo("1", picture(1, 90))
	wantState(t, one, change.Applied)
	if !one.Before[change.PhotoName].IsNull() {
		t.Errorf("before %v", one.Before)
	}
	wantState(t, photo("1b", picture(1, 90)), change.Unchanged)
	two := photo("2", picture(2, 90))
	wantState(t, two, change.Applied)
	undo, err := w.engine.Inverse(context.Background(), tenant, two.Entry, self(anna))
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, w.apply(undo), change.Applied)
	if !sameSight(w.box.photos[anna], picture(1, 90)) {
		t.Error("undo brought another picture")
	}
	gone := photo("3", nil)
	wantState(t, gone, change.Applied)
	if w.box.photos[anna] != nil {
		t.Error("the picture is still there")
	}
	undo, err = w.engine.Inverse(context.Background(), tenant, gone.Entry, self(anna))
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, w.apply(undo), change.Applied)
	if !sameSight(w.box.photos[anna], picture(1, 90)) {
		t.Error("undo of the removal brought another picture")
	}
}

func TestF07_PhotoWithALostAnswer(t *testing.T) {
	t.Parallel()
	for f, writes := range map[fault]int{lostAfter: 1, lostBefore: 2} {
		w := newWorld(t)
		w.box.reencode = func(b []byte) []byte { return recoded(t, b, 40) }
		w.box.faults = []fault{f}
		o := w.apply(change.Change{Key: "k", On: anna, Do: change.Photo, Photo: picture(1, 90), By: self(anna)})
		wantState(t, o, change.Applied)
		if w.box.writes != writes {
			t.Errorf("fault %v: %d writes, want %d", f, w.box.writes, writes)
		}
	}
}

func TestPhoto_CrashBeforeSendingKeepsThePicture(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.crashAt(change.BeforeSend, 1)
	survive(func() {
		_, _ = e.Apply(context.Background(), change.Change{Key: "k", On: anna, Do: change.Photo, Photo: picture(1, 90), By: self(anna)})
	})
	w.settle(3 * time.Minute)
	if sum(w.box.photos[anna]) != sum(picture(1, 90)) {
		t.Error("the picture was lost in the crash")
	}
}
