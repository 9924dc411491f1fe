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
	files := append([]File{{up.Name, up.Data}}, up.Pictures...)
	head, err := json.Marshal(headOf(files))
	if err != nil {
		return "", fail.Wrap(fail.Internal, "bulk.keep", err)
	}
	for plain := range partsOf(head, files) {
		sealed, err := b.Sealer.Seal("upload", w.row(len(w.Parts)), plain)
		if err != nil {
			return "", fail.Wrap(fail.Internal, "bulk.keep", err)
		}
		w.Parts = append(w.Parts, sealed)
	}
	return w.ID, b.Store.PutUpload(ctx, w)
}

// part says how long a file is that waits, and how it is called.
type part struct {
	Name string
	Size int
}

func headOf(files []File) (out []part) {
	for _, f := range files {
		out = append(out, part{f.Name, len(f.Data)})
	}
	return out
}

// partsOf are the names and lengths of files, and their bytes in pieces.
func partsOf(head []byte, files []File) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		if !yield(head) {
			return
		}
		for _, f := range files {
			for c := range slices.Chunk(f.Data, partSize) {
				if !yield(c) {
					return
				}
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
	var head []part
	var data []byte
	for i, sealed := range w.Parts {
		plain, err := b.Sealer.Open("upload", w.row(i), sealed)
		if err == nil && i == 0 {
			err = json.Unmarshal(plain, &head)
			plain = nil
		}
		if err != nil {
			f := fail.Wrap(fail.NotFound, "bulk.kept", err)
			f.Say = SayNoUpload
			return Upload{}, f
		}
		data = append(data, plain...)
	}
	for i, h := range head {
		file := File{h.Name, data[:h.Size:h.Size]}
		if data = data[h.Size:]; i == 0 {
			up.Name, up.Data = file.Name, file.Data
		} else {
			up.Pictures = append(up.Pictures, file)
		}
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
