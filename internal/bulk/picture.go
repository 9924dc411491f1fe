package bulk

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"

	"nameplate/internal/admin"
	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/photo"
	"nameplate/internal/property"
	"nameplate/internal/sheet"
)

// File is one that comes beside a spreadsheet: a picture, or a zip of pictures.
type File struct {
	Name string
	Data []byte
}

const (
	mostPictures = 2_000  // that one file sets
	mostFiles    = 10_000 // that come beside it, in zips or not
	shownNames   = 5
)

// album are the pictures that came with a file, by name. What is in a zip is unpacked when a row asks for it, and never more of it than a
// picture may have.
type album struct {
	files map[string][]func() (io.ReadCloser, error) // by name, in lower case and without folders
	used  map[string]bool
	n     int // pictures that rows have asked for
}

func newAlbum(files []File) (*album, error) {
	a := &album{files: map[string][]func() (io.ReadCloser, error){}, used: map[string]bool{}}
	all := 0
	for _, f := range files {
		if !bytes.HasPrefix(f.Data, []byte("PK\x03\x04")) {
			all++
			a.add(f.Name, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(f.Data)), nil })
			continue
		}
		z, err := zip.NewReader(bytes.NewReader(f.Data), int64(len(f.Data)))
		if err != nil {
			return nil, pictures("zip", fail.T("%q is a damaged zip file. Pack it again.", f.Name))
		}
		for _, x := range z.File {
			if all++; !x.FileInfo().IsDir() {
				a.add(x.Name, x.Open)
			}
		}
	}
	if all > mostFiles {
		return nil, pictures("too_many", fail.T("More than %d pictures come with the file. Split it.", mostFiles))
	}
	return a, nil
}

// Unpackable says of the pictures what would keep a plan from being made: a zip that is none, too many of them.
func (u Upload) Unpackable() error {
	_, err := newAlbum(u.Pictures)
	return err
}

func pictures(code string, say fail.Text) error {
	f := fail.New(fail.Invalid, "bulk.pictures", say)
	f.Code = code
	return f
}

// pictureName is what a picture is found by: its name without folders, whatever its case.
func pictureName(s string) string {
	return strings.ToLower(s[strings.LastIndexAny(s, `/\`)+1:])
}

func (a *album) add(name string, open func() (io.ReadCloser, error)) {
	if name = pictureName(name); name != "" && !strings.HasPrefix(name, ".") { // what systems put beside pictures
		a.files[name] = append(a.files[name], open)
	}
}

// take is the picture of a name, as it would be stored. The error is for people.
func (a *album) take(name string) ([]byte, error) {
	key := pictureName(name)
	switch l := a.files[key]; {
	case len(l) == 0:
		return nil, pictures("no_picture", fail.T("No picture called %q came with the file. Give it together with the file.", name))
	case len(l) > 1:
		return nil, pictures("two_pictures", fail.T("Several pictures are called %q. Give each a name of its own.", name))
	case a.n == mostPictures:
		return nil, pictures("too_many", fail.T("A file sets at most %d pictures. Split it.", mostPictures))
	}
	a.n++
	a.used[key] = true
	r, err := a.files[key][0]()
	if err == nil {
		defer func() { _ = r.Close() }()
		var b []byte
		if b, err = io.ReadAll(io.LimitReader(r, photo.MaxBytes+1)); err == nil {
			return photo.Portrait(b)
		}
	}
	return nil, pictures("damaged", fail.T("The picture %q cannot be unpacked. Pack it again, without a password.", name))
}

// rest tells the pictures that no row has asked for.
func (a *album) rest() (n int, names string) {
	var l []string
	for name := range a.files {
		if !a.used[name] {
			l = append(l, name)
		}
	}
	slices.Sort(l)
	if n = len(l); n > shownNames {
		l = append(l[:shownNames], "…")
	}
	return n, strings.Join(l, ", ")
}

// portrait makes one picture at a time: one takes up to photo.MaxMemory for a moment.
func (b *Bulk) portrait(ctx context.Context, a *album, name string) ([]byte, error) {
	select {
	case b.easel <- struct{}{}:
		defer func() { <-b.easel }()
		return a.take(name)
	case <-ctx.Done():
		return nil, fail.Wrap(fail.Unavailable, "bulk.pictures", ctx.Err())
	}
}

// picture makes the step that sets or takes away a picture. What picture is there is looked at when the row is applied.
func (j *judging) picture(ctx context.Context) error {
	if j.rec.Picture == nil {
		return nil
	}
	var jpeg []byte
	if name := *j.rec.Picture; name != "" {
		var err error
		jpeg, err = j.portrait(ctx, j.album, name)
		var f *fail.Error
		if errors.As(err, &f) && f.Kind == fail.Invalid {
			j.problem(sheet.Picture, cmp.Or(f.Code, "not_a_picture"), f.Say)
			return nil
		}
		if err != nil {
			return err
		}
	}
	return j.portray(ctx, change.Change{Do: change.Photo, Photo: jpeg, Names: map[string]string{string(change.PhotoName): *j.rec.Picture}}, nil)
}

// portray asks the engine about a picture, and keeps it with the row; now is what is there, nil when nobody has looked.
func (j *judging) portray(ctx context.Context, c change.Change, now *directory.Photo) error {
	c.On, c.By = j.who.Ref, j.by
	p, err := j.Desk.Weigh(ctx, c, change.Seen{User: *j.who, Photo: now})
	if err != nil {
		return err
	}
	for _, q := range p.Problems {
		j.problem(sheet.Picture, q.Code, q.Say)
	}
	for range p.Conflicts {
		j.problem(sheet.Picture, "changed", fail.T("Somebody else has changed %s since. It stays as it is.", "photo"))
	}
	if len(p.Diff)+len(p.Conflicts) == 0 {
		return nil
	}
	s := Step{Do: change.Photo, Set: property.Values{change.PhotoName: sumOf(c.Photo)}, Before: property.Values{}, Names: c.Names, Undoes: c.Undoes}
	if now != nil {
		s.Before[change.PhotoName] = sumOf(now.Data)
	}
	j.row.Steps = append(j.row.Steps, s)
	if c.Photo != nil {
		j.give(givenPhoto, c.Photo)
	}
	return nil
}

// sumOf is what stands for a picture in Set and Before: its SHA-256 (hex), or null.
func sumOf(b []byte) property.Value {
	if len(b) == 0 {
		return property.Null()
	}
	h := sha256.Sum256(b)
	return property.Text(hex.EncodeToString(h[:]))
}

// Picture is what a row would set: a JPEG, as long as it waits; NotFound, also for who may not see the person's.
func (b *Bulk) Picture(ctx context.Context, by directory.Actor, tenant, id string, number int) ([]byte, error) {
	if err := admin.May(by, tenant, directory.PeopleRead, false); err != nil {
		return nil, err
	}
	p, err := b.Store.Plan(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	rows, err := b.Store.Rows(ctx, tenant, id, Query{After: number - 1, N: 1})
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if _, seen := b.Desk.Policy.Photo(by, directory.User{Ref: r.On}); seen && r.Number == number {
			return b.given(ctx, p, number, givenPhoto)
		}
	}
	return nil, fail.New(fail.NotFound, "bulk.picture", SayNotGiven)
}
