package change

import (
	"bytes"
	"context"
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

// picture reads the present picture, keeps it as a blob of the journal, and returns its sum; null when there is none.
func (e *Engine) picture(ctx context.Context, as directory.Authority, on directory.Ref) (property.Value, error) {
	p, err := e.cfg.Reader.Photo(ctx, as, on, 0)
	if fail.Is(err, fail.NotFound) {
		return property.Null(), nil
	}
	if err != nil {
		return property.Null(), err
	}
	sum, err := e.cfg.Journal.PutBlob(ctx, on.Tenant, p.Data)
	return property.Text(sum), err
}

// samePicture compares two blobs as pictures, for the service may encode anew what it stores.
func (e *Engine) samePicture(ctx context.Context, tenant, a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	x, errX := e.cfg.Journal.Blob(ctx, tenant, a)
	y, errY := e.cfg.Journal.Blob(ctx, tenant, b)
	if errX != nil || errY != nil {
		return false
	}
	p, okX := fingerprint(x)
	q, okY := fingerprint(y)
	return okX && okY && p.near(q)
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
