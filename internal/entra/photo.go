package entra

import (
	"bytes"
	"context"
	"fmt"
	"image"
	_ "image/jpeg" // what the service gives
	_ "image/png"  // what it may have been given
	"net/http"

	"nameplate/graph"
	"nameplate/internal/directory"
	"nameplate/internal/fail"
	"nameplate/internal/property"
)

// sizes are the squares that the service keeps of a picture. https://learn.microsoft.com/graph/api/profilephoto-get
var sizes = []int{48, 64, 96, 120, 240, 360, 432, 504, 648}

// Photo implements directory.Reader. A size that does not exist comes as the next smaller one.
func (d *Directory) Photo(ctx context.Context, as directory.Authority, on directory.Ref, px int) (directory.Photo, error) {
	const op = "entra.photo"
	if err := checked(op, on); err != nil {
		return directory.Photo{}, err
	}
	c, err := d.client(op, as, on.Tenant)
	if err != nil {
		return directory.Photo{}, err
	}
	path := person(on.ID) + "/photo/$value"
	if px > 0 {
		best := sizes[0]
		for _, s := range sizes {
			if abs(s-px) < abs(best-px) {
				best = s
			}
		}
		path = fmt.Sprintf("%s/photos/%dx%d/$value", person(on.ID), best, best)
	}
	b, err := c.Bytes(ctx, path)
	if px > 0 && isStatus(err, http.StatusNotFound) { // smaller than what was asked for: take what there is
		b, err = c.Bytes(ctx, person(on.ID)+"/photo/$value")
	}
	if isStatus(err, http.StatusNotFound) || err == nil && onePixel(b) {
		f := fail.New(fail.NotFound, op, fail.T("There is no picture."))
		f.Item, f.Err = on.ID, err
		return directory.Photo{}, f
	}
	if err != nil {
		return directory.Photo{}, d.unread(ctx, c, op, on.ID, property.ReadPhoto, as.Delegated(), err)
	}
	p := directory.Photo{Info: directory.PhotoInfo{ETag: b.ETag}, Type: b.Type, Data: b.Data}
	if cfg, _, err := image.DecodeConfig(bytes.NewReader(b.Data)); err == nil {
		p.Info.Width, p.Info.Height = cfg.Width, cfg.Height
	}
	return p, nil
}

// onePixel is the GIF of one dot that the service may send instead of 404.
func onePixel(b graph.Blob) bool {
	return len(b.Data) >= 10 && string(b.Data[:3]) == "GIF" && b.Data[6] <= 1 && b.Data[7] == 0 && b.Data[8] <= 1 && b.Data[9] == 0
}

func abs(n int) int { return max(n, -n) }

// SetPhoto implements directory.Writer. https://learn.microsoft.com/graph/api/profilephoto-update
func (d *Directory) SetPhoto(ctx context.Context, as directory.Authority, on directory.Ref, jpeg []byte) error {
	w, err := d.writing("entra.setphoto", as, on, property.WritePhoto)
	if err != nil {
		return err
	}
	return w.refused(ctx, w.c.Put(ctx, person(on.ID)+"/photo/$value", "image/jpeg", jpeg))
}

// RemovePhoto implements directory.Writer. https://learn.microsoft.com/graph/api/profilephoto-delete
func (d *Directory) RemovePhoto(ctx context.Context, as directory.Authority, on directory.Ref) error {
	w, err := d.writing("entra.removephoto", as, on, property.WritePhoto)
	if err != nil {
		return err
	}
	return w.refused(ctx, w.c.Delete(ctx, person(on.ID)+"/photo/$value"))
}
