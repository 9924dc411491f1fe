package bulk

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"nameplate/internal/admin"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/sheet"
)

// A page asks about the columns of a file before it makes a plan of it. Until then the file waits here, sealed: it may hold passwords.

// Waiting is a sealed file that waits.
type Waiting struct {
	Tenant, ID string
	By         string // object id of whoever brought it; nobody else gets it
	Until      time.Time
	Parts      [][]byte // each sealed by itself
}

// Sealer seals what the store must not be able to read; *access.Sealer is one.
type Sealer interface {
	Seal(purpose, row string, plain []byte) ([]byte, error)
	Open(purpose, row string, sealed []byte) ([]byte, error)
}

const (
	waits    = 4 * time.Hour
	partSize = 1 << 20
	samples  = 3
)

// Keep lets a file wait, and gives the id by which it is found again. Whoever brings many has the last few of them.
func (b *Bulk) Keep(ctx context.Context, by directory.Actor, tenant string, up Upload) (id string, err error) {
	if err := admin.May(by, tenant, directory.PeopleRead, true); err != nil {
		return "", err
	}
	w := Waiting{Tenant: tenant, ID: b.NewID(), By: by.Ref.ID, Until: b.Now().Add(waits)}
	name, err := json.Marshal(up.Name)
	if err != nil {
		return "", fail.Wrap(fail.Internal, "bulk.keep", err)
	}
	for plain := range partsOf(name, up.Data) {
		sealed, err := b.Sealer.Seal("upload", w.row(len(w.Parts)), plain)
		if err != nil {
			return "", fail.Wrap(fail.Internal, "bulk.keep", err)
		}
		w.Parts = append(w.Parts, sealed)
	}
	return w.ID, b.Store.PutUpload(ctx, w)
}

// partsOf are the name of a file and its bytes in pieces.
func partsOf(name, data []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		if !yield(name) {
			return
		}
		for c := range slices.Chunk(data, partSize) {
			if !yield(c) {
				return
			}
		}
	}
}

func (w Waiting) row(part int) string { return w.Tenant + "/" + w.ID + "/" + strconv.Itoa(part) }

// Kept is a file of the actor's that waits; NotFound.
func (b *Bulk) Kept(ctx context.Context, by directory.Actor, tenant, id string) (up Upload, err error) {
	if err := admin.May(by, tenant, directory.PeopleRead, true); err != nil {
		return Upload{}, err
	}
	w, err := b.Store.Upload(ctx, tenant, id, by.Ref.ID, b.Now())
	if err != nil {
		return Upload{}, err
	}
	for i, sealed := range w.Parts {
		plain, err := b.Sealer.Open("upload", w.row(i), sealed)
		if err == nil && i == 0 {
			err = json.Unmarshal(plain, &up.Name)
			plain = nil
		}
		if err != nil {
			return Upload{}, fail.Wrap(fail.NotFound, "bulk.kept", err)
		}
		up.Data = append(up.Data, plain...)
	}
	return up, nil
}

// Forget forgets a file that waits; none is no error.
func (b *Bulk) Forget(ctx context.Context, tenant, id string) error {
	return b.Store.DropUpload(ctx, tenant, id)
}

// Looked is what a file seems to hold, before anything is done with it.
type Looked struct {
	sheet.About
	Problems []sheet.Problem // of the headings
	Samples  [][]string      // the first rows, column by column
}

// Look reads the headings and the first rows of a file. The error is that of one that cannot be read.
func (b *Bulk) Look(up Upload) (Looked, error) {
	f, err := b.opened(up)
	if err != nil {
		return Looked{}, err
	}
	l := Looked{About: f.About, Problems: f.Problems()}
	l.Samples, err = f.Samples(samples)
	return l, err
}
