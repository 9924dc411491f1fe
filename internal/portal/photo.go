package portal

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"nameplate/internal/change"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/photo"
	"nameplate/internal/web"
)

type photoBody struct {
	Photo         string
	Name, ID      string
	Token         string
	Remove        string
	Problem       string
	PhotoUnread   bool
	MaxMB, MinPix int
	MaxBytes      int
	// What the module says before anything is sent, in the words of package photo.
	TooLarge, TooSmall string
}

func photoAddress(i directory.PhotoInfo) string {
	return "/photo?" + url.Values{"v": {strings.Trim(i.ETag, `"W/`)}}.Encode()
}

func (p *Portal) photoPage(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	return p.showPhoto(w, r, v, http.StatusOK, "")
}

func (p *Portal) showPhoto(w http.ResponseWriter, r *http.Request, v *web.Visit, status int, problem string) error {
	b := photoBody{Name: v.Session.Name, ID: v.Session.Ref.ID, Token: v.Token("photo"), Problem: problem, MaxMB: photo.MaxBytes >> 20, MaxBytes: photo.MaxBytes, MinPix: photo.MinSide}
	b.TooLarge, b.TooSmall = v.T(photo.TooLarge()), v.T(photo.TooSmall())
	u, err := p.Reader.User(r.Context(), directory.Own(v.Session.ID), v.Session.Ref, directory.Ask{Names: nil, Photo: true})
	switch {
	case err == nil && u.Photo != (directory.PhotoInfo{}):
		b.Photo, b.Remove = photoAddress(u.Photo), v.Token("photo remove")
	case err != nil && problem == "":
		return p.orConfirm(w, r, v, again(err))
	}
	return p.show(w, v, status, "photo", p.page(r, v, "profile", fail.T("Photo"), b))
}

// savePhoto decodes what was uploaded, whatever it says it is, and stores a picture of our own making.
func (p *Portal) savePhoto(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	done, err := p.uploads.take(r.Context(), v.Session.Ref) // before anything of the file is read
	if err != nil {
		return err
	}
	defer done()
	if many, err := p.manyPhotos(r.Context(), v); err != nil || many {
		if err != nil {
			return err
		}
		return p.showPhoto(w, r, v, http.StatusTooManyRequests, v.Printer.S("You have changed your photo %d times within a day. Each is kept for a while, so that you can take it back: wait until tomorrow for the next.", photosPerDay))
	}
	f, err := v.FormFor(r, "photo")
	if web.ProblemOf(err).Status == http.StatusRequestEntityTooLarge {
		return p.showPhoto(w, r, v, http.StatusRequestEntityTooLarge, v.T(photo.TooLarge()))
	}
	if err != nil {
		return err
	}
	if err := f.Only(func(k string) bool { return k == "photo" }); err != nil {
		return err
	}
	file := f.File("photo")
	if len(file.Data) == 0 {
		return p.showPhoto(w, r, v, http.StatusUnprocessableEntity, v.Printer.S("Choose a picture first."))
	}
	jpeg, err := p.portrait(r.Context(), file.Data)
	if fail.Is(err, fail.Unavailable) {
		return err
	}
	if err != nil {
		return p.showPhoto(w, r, v, http.StatusUnprocessableEntity, v.T(sayOf(err)))
	}
	return p.applyPhoto(w, r, v, f.Nonce, jpeg)
}

// photosPerDay is how many photos one person may send within 24 hours. Each is kept for undo (the setting photo_keep): without a limit
// one person could fill the disk of all.
const photosPerDay = 20

func (p *Portal) manyPhotos(ctx context.Context, v *web.Visit) (bool, error) {
	q := change.Search{On: v.Session.Ref.ID, By: v.Session.Ref.ID, Do: change.Photo, From: p.Now().Add(-24 * time.Hour)}
	past, err := p.Journal.Find(ctx, v.Session.Ref.Tenant, q, 0, photosPerDay)
	return len(past) >= photosPerDay, err
}

// portrait makes one picture at a time, whoever sends them: one takes up to photo.MaxMemory for a moment.
func (p *Portal) portrait(ctx context.Context, data []byte) ([]byte, error) {
	select {
	case p.easel <- struct{}{}:
		defer func() { <-p.easel }()
		return photo.Portrait(data)
	case <-ctx.Done():
		return nil, fail.Wrap(fail.Unavailable, "portal.photo", ctx.Err())
	}
}

func (p *Portal) removePhoto(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	f, err := v.FormFor(r, "photo remove")
	if err != nil {
		return err
	}
	return p.applyPhoto(w, r, v, f.Nonce, nil)
}

func (p *Portal) applyPhoto(w http.ResponseWriter, r *http.Request, v *web.Visit, nonce string, jpeg []byte) error {
	out, err := p.Engine.Apply(r.Context(), change.Change{Key: "form/" + nonce, On: v.Session.Ref, Do: change.Photo, Photo: jpeg, By: v.Actor()})
	if err != nil {
		return p.orConfirm(w, r, v, err)
	}
	switch out.State {
	case change.Refused, change.Failed, change.Conflicted:
		err := errorOf(out)
		if err == nil {
			err = fail.New(fail.Conflict, "portal.photo", fail.Text{})
		}
		return p.orConfirm(w, r, v, err)
	}
	http.Redirect(w, r, "/profile?done="+url.QueryEscape(out.Entry), http.StatusSeeOther)
	return nil
}

// photo serves the signed-in person's own picture: decoded by nobody here, so its type is fixed and never sniffed.
func (p *Portal) photo(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	got, err := p.Reader.Photo(r.Context(), directory.Own(v.Session.ID), v.Session.Ref, 240)
	if err != nil {
		return again(err)
	}
	return sendPhoto(w, got)
}

func sendPhoto(w http.ResponseWriter, got directory.Photo) error {
	if !photo.IsJPEG(got.Data) {
		return fail.New(fail.Unsupported, "portal.photo", fail.T("The directory holds a photo in a format that cannot be shown here. Upload a new one to replace it."))
	}
	w.Header().Set("Content-Type", "image/jpeg")
	// Kept only by this browser, and asked for again each time under a new address when it changes.
	w.Header().Set("Cache-Control", "private, max-age=3600")
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(got.Data)
	return err
}
