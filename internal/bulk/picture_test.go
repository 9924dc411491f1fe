package bulk_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"strings"
	"testing"

	"nameplate/internal/bulk"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/photo"
)

// withPhotos are the rules with pictures.
func withPhotos() string {
	return strings.Replace(rules, "properties:\n", "properties:\n  photo: {edit: Nameplate.Admin}\n", 1)
}

// painted is a picture of one color.
func painted(t testing.TB, side int, c color.Color) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	for i := range side * side {
		img.Set(i%side, i/side, c)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, data := range files {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Pictures come beside the file, are judged with it, arrive, and are taken back.
func TestS3_19_PicturesFromAFile(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(40), withPhotos())
	red, blue := color.RGBA{200, 20, 20, 255}, color.RGBA{20, 20, 200, 255}
	pictures := []bulk.File{
		{Name: "Anna.JPG", Data: painted(t, 300, red)},
		{Name: "staff.zip", Data: zipped(t, map[string][]byte{"2026/ben.jpg": painted(t, 200, blue), "__MACOSX/._ben.jpg": []byte("x"), "2026/spare.jpg": painted(t, 100, red)})},
	}
	p, rows := w.plan("userPrincipalName,photo,jobTitle\np1@contoso.example,anna.jpg,Lead\np2@contoso.example,Photos\\Ben.jpg,\np3@contoso.example,,Lead\n", bulk.Upload{Pictures: pictures})
	problems, notes := told(p, rows)
	if problems != "" || !strings.Contains(notes, "Pictures that no row names: 1 (spare.jpg).") {
		t.Fatalf("%s %s", problems, notes)
	}
	if p.Counts.Kinds["photo"] != 2 || p.Counts.Kinds["update"] != 2 || rows[0].Steps[1].Kind() != "photo" || rows[0].Steps[1].Names["photo"] != "anna.jpg" {
		t.Fatalf("%+v %s", p.Counts, steps(rows[0].Row))
	}
	new1, err := w.Picture(w.ctx, boss, tenant, p.ID, 1)
	if err != nil || !photo.IsJPEG(new1) || bytes.Equal(new1, pictures[0].Data) {
		t.Fatalf("the picture that is to be set: %d bytes %v", len(new1), err)
	}
	if _, err := w.Picture(w.ctx, boss, tenant, p.ID, 3); !fail.Is(err, fail.NotFound) {
		t.Errorf("a row without one: %v", err)
	}
	g, err := w.cfg.Store.Given(w.ctx, tenant, p.ID, 1, "photo", w.cfg.Now())
	if err != nil || bytes.Contains(g.Sealed, new1[:64]) {
		t.Errorf("it is not sealed: %v", err)
	}
	w.carry(p, bulk.Confirm{})
	looks := func(n int, want color.Color) {
		t.Helper()
		got, err := w.cfg.Desk.Directory.Photo(w.ctx, directory.Authority{}, directory.Ref{Tenant: tenant, ID: id(n)}, 0)
		if want == nil {
			if !fail.Is(err, fail.NotFound) {
				t.Errorf("p%d has a picture: %v", n, err)
			}
			return
		}
		img, _, derr := image.Decode(bytes.NewReader(got.Data))
		if err != nil || derr != nil {
			t.Fatalf("p%d: %v %v", n, err, derr)
		}
		r, _, b, _ := img.At(10, 10).RGBA()
		wr, _, wb, _ := want.RGBA()
		if (r > b) != (wr > wb) {
			t.Errorf("p%d has another picture", n)
		}
	}
	looks(1, red)
	looks(2, blue)
	looks(3, nil)
	if _, err := w.Picture(w.ctx, boss, tenant, p.ID, 1); !fail.Is(err, fail.NotFound) {
		t.Errorf("it waits after it was set: %v", err)
	}
	// The same again changes nothing, which is found when it is applied.
	again, _ := w.plan("userPrincipalName,photo\np1@contoso.example,anna.jpg\np2@contoso.example,<clear>\n", bulk.Upload{Pictures: pictures[:1]})
	done := w.carry(again, bulk.Confirm{})
	if done.Run.Fates["unchanged"] != 1 || done.Run.Fates["applied"] != 1 {
		t.Errorf("%v", done.Run.Fates)
	}
	looks(2, nil)
	// What was done is taken back, the picture that was there included.
	back, err := w.Undo(w.ctx, boss, tenant, again.ID)
	if err != nil || back.Counts.Ready != 1 {
		t.Fatalf("%+v %v", back.Counts, err)
	}
	w.carry(back, bulk.Confirm{})
	looks(2, blue)
	// What somebody has changed since stays.
	back, err = w.Undo(w.ctx, boss, tenant, p.ID)
	if err != nil || back.Counts.Ready != 3 {
		t.Fatalf("%+v %v", back.Counts, err)
	}
	o, err := w.cfg.Desk.Apply(w.ctx, change.Change{Key: "k", On: directory.Ref{Tenant: tenant, ID: id(1)}, Do: change.Photo, By: boss, Photo: painted(t, 100, blue)})
	if err != nil || o.State != change.Applied {
		t.Fatalf("%+v %v", o, err)
	}
	later, err := w.Undo(w.ctx, boss, tenant, p.ID)
	if err != nil || later.Counts.Refused != 1 || later.Counts.Ready != 2 {
		t.Fatalf("%+v %v", later.Counts, err)
	}
	w.carry(later, bulk.Confirm{})
	looks(1, blue)
	looks(2, nil)
}

func TestS3_18_PicturesThatAreNone(t *testing.T) {
	t.Parallel()
	w := begin(t, contoso(6), withPhotos())
	pictures := []bulk.File{
		{Name: "a.jpg", Data: []byte("<svg/>")},
		{Name: "b.jpg", Data: painted(t, 20, color.White)},
		{Name: "c.jpg", Data: painted(t, 64, color.White)},
		{Name: "d.zip", Data: zipped(t, map[string][]byte{"x/c.jpg": {}, "huge.jpg": bytes.Repeat([]byte{0}, 30<<20)})},
	}
	text := "userPrincipalName,photo\n"
	for i, name := range []string{"a.jpg", "b.jpg", "c.jpg", "huge.jpg", "nobody.jpg"} {
		text += fmt.Sprintf("p%d@contoso.example,%s\n", i+1, name)
	}
	p, rows := w.plan(text, bulk.Upload{Pictures: pictures})
	problems, _ := told(p, rows)
	for _, want := range []string{
		"line 2, column B (photo): This is a drawing or a web page, not a photo. Choose a JPEG, PNG or GIF file.",
		"line 3, column B (photo): This picture is too small",
		`line 4, column B (photo): Several pictures are called "c.jpg". Give each a name of its own.`,
		"line 5, column B (photo): This file is larger than 4 MB.",
		`line 6, column B (photo): No picture called "nobody.jpg" came with the file. Give it together with the file.`,
	} {
		if !strings.Contains(problems, want) {
			t.Errorf("%s\nlacks %s", problems, want)
		}
	}
	if p.Counts.Refused != 5 {
		t.Errorf("%+v", p.Counts)
	}
	for _, bad := range [][]byte{[]byte("PK\x03\x04nonsense"), zipped(t, blanks(10_001))} {
		_, err := w.MakePlan(w.ctx, boss, tenant, bulk.Upload{Name: "x.csv", Data: []byte(text), Pictures: []bulk.File{{Name: "z.zip", Data: bad}}})
		if !fail.Is(err, fail.Invalid) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
	editor := holder(directory.Editor)
	p, rows = w.planBy(editor, "userPrincipalName,photo\np1@contoso.example,c.jpg\n", bulk.Upload{Pictures: pictures[2:3]})
	if problems, _ := told(p, rows); p.Counts.Ready != 0 || problems == "" {
		t.Errorf("whoever may not: %+v %s", p.Counts, problems)
	}
}

func blanks(n int) map[string][]byte {
	out := map[string][]byte{}
	for i := range n {
		out[fmt.Sprintf("%d.jpg", i)] = nil
	}
	return out
}
