package change

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"image"
	_ "image/jpeg" // what the service gives and takes
	_ "image/png"  // what old uploads may be

	"golang.org/x/image/draw"

	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// Limits of a picture. https://learn.microsoft.com/graph/api/profilephoto-update
const (
	maxPictureBytes  = 4 << 20
	maxPicturePixels = 40_000_000
)

// checkPicture refuses what the directory would refuse, before anything is decoded in full.
func checkPicture(b []byte) *fail.Text {
	var t fail.Text
	switch cfg, kind, err := image.DecodeConfig(bytes.NewReader(b)); {
	case len(b) >= maxPictureBytes:
		t = fail.T("The picture is too large. It may have at most 4 megabytes.")
	case err != nil || kind != "jpeg":
		t = fail.T("This file is not a picture that can be used. Choose a JPEG or PNG picture.")
	case cfg.Width*cfg.Height > maxPicturePixels:
		t = fail.T("The picture has too many pixels. Choose a smaller one.")
	default:
		return nil
	}
	return &t
}

// album finds pictures by their sum: those at hand first, then the journal's.
type album struct {
	e      *Engine
	tenant string
	held   map[string][]byte
}

func (a album) bytes(ctx context.Context, sum string) ([]byte, bool) {
	if b, ok := a.held[sum]; ok {
		return b, true
	}
	b, err := a.e.cfg.Journal.Blob(ctx, a.tenant, sum)
	return b, err == nil
}

// hold keeps bytes at hand and returns their sum.
func (a album) hold(b []byte) property.Value {
	h := sha256.Sum256(b)
	sum := hex.EncodeToString(h[:])
	a.held[sum] = b
	return property.Text(sum)
}

// keep makes the journal keep what is at hand, for undo and for a resumed write.
func (a album) keep(ctx context.Context) error {
	for _, b := range a.held {
		if _, err := a.e.cfg.Journal.PutBlob(ctx, a.tenant, b); err != nil {
			return err
		}
	}
	return nil
}

// same is alike, and for pictures a tolerant comparison, for the service may encode anew what it stores.
func (a album) same(ctx context.Context, n property.Name, v, w property.Value) bool {
	if alike(v, w) {
		return true
	}
	if n != PhotoName || v.Empty() || w.Empty() {
		return false
	}
	x, okX := a.bytes(ctx, v.Str())
	y, okY := a.bytes(ctx, w.Str())
	if !okX || !okY {
		return false
	}
	p, okX := fingerprint(x)
	q, okY := fingerprint(y)
	return okX && okY && p.near(q)
}

// picture reads the present picture into the album; null when there is none.
func (a album) picture(ctx context.Context, as directory.Authority, on directory.Ref) (property.Value, error) {
	p, err := a.e.cfg.Reader.Photo(ctx, as, on, 0)
	if fail.Is(err, fail.NotFound) {
		return property.Null(), nil
	}
	if err != nil {
		return property.Null(), err
	}
	return a.hold(p.Data), nil
}

// print is a picture of 16 × 16 pixels: what remains of it after any encoding.
type print [16 * 16 * 3]uint8

func fingerprint(b []byte) (p print, ok bool) {
	cfg, _, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil || cfg.Width < 1 || cfg.Height < 1 || cfg.Width*cfg.Height > maxPicturePixels {
		return p, false
	}
	img, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return p, false
	}
	small := image.NewRGBA(image.Rect(0, 0, 16, 16))
	draw.BiLinear.Scale(small, small.Bounds(), img, img.Bounds(), draw.Src, nil)
	for i := range 16 * 16 {
		copy(p[i*3:], small.Pix[i*4:i*4+3])
	}
	return p, true
}

// near allows for what re-encoding and another size do: little everywhere, and not much anywhere.
func (p print) near(q print) bool {
	sum := 0
	for i := range p {
		d := int(p[i]) - int(q[i])
		if d < 0 {
			d = -d
		}
		if d > 32 {
			return false
		}
		sum += d
	}
	return sum <= 4*len(p)
}
