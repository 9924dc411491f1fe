package emulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"image"
	"image/color"
	_ "image/gif" // uploads
	"image/jpeg"
	_ "image/png" // uploads
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// photoSizes: https://learn.microsoft.com/en-us/graph/api/profilephoto-get
var photoSizes = []int{48, 64, 96, 120, 240, 360, 432, 504, 648}

// photo is the picture of a person or a group; each size is made when it is first asked for.
type photo struct {
	side int // of the largest square that is served
	etag string

	mu    sync.Mutex
	data  []byte        // as it came
	draw  func() []byte // makes data when it is first needed
	drawn bool          // data is what the largest size serves
	sizes map[int][]byte
}

// source is the photo as it came. Call with mu held.
func (p *photo) source() []byte {
	if p.draw != nil {
		p.data, p.draw = p.draw(), nil
		p.sizes[p.side] = p.data
	}
	return p.data
}

func (p *photo) whole() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.source()
}

// maxPixels keeps a small file from becoming a large picture.
const maxPixels = 40 << 20

func newPhoto(data []byte) (*photo, error) {
	cfg, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil || cfg.Width < 1 || cfg.Height < 1 || cfg.Width*cfg.Height > maxPixels {
		return nil, fmt.Errorf("not a picture that can be used")
	}
	short := min(cfg.Width, cfg.Height)
	p := &photo{data: data, side: short, sizes: map[int][]byte{}}
	for _, s := range photoSizes {
		if s <= short {
			p.side = s
		}
	}
	sum := sha256.Sum256(data)
	p.etag = `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	if p.jpeg(p.side) == nil {
		return nil, fmt.Errorf("not a picture that can be used")
	}
	return p, nil
}

// readPhoto makes the photo of an organization file: "initials" draws one, a data: address holds one.
func readPhoto(s, name, seed string) (*photo, error) {
	if strings.EqualFold(s, "initials") {
		sum := sha256.Sum256([]byte(name + "\x00" + seed))
		return &photo{
			draw: func() []byte { return initials(name, seed) }, drawn: true, side: photoSizes[len(photoSizes)-1],
			etag: `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, sizes: map[int][]byte{},
		}, nil
	}
	if _, data, ok := strings.Cut(s, ";base64,"); ok && strings.HasPrefix(s, "data:image/") {
		b, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			return nil, err
		}
		return newPhoto(b)
	}
	return nil, fmt.Errorf("photo is \"initials\" or a data: address, not %q", s)
}

// address is the photo as an organization file holds it; "" without one.
func (p *photo) address() string {
	if p == nil {
		return ""
	}
	data := p.whole()
	return "data:" + http.DetectContentType(data) + ";base64," + base64.StdEncoding.EncodeToString(data)
}

// initials draws the first two Latin letters that begin a word of a name on a colour of its own.
func initials(name, seed string) []byte {
	var letters []byte
	for _, w := range strings.Fields(name) {
		c := w[0]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c >= 'A' && c <= 'Z' && len(letters) < 2 {
			letters = append(letters, c)
		}
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(seed)) // never fails
	n := h.Sum32()
	back := color.RGBA{uint8(60 + n%120), uint8(60 + n>>8%120), uint8(60 + n>>16%120), 255}
	const side = 648
	big := image.NewRGBA(image.Rect(0, 0, side, side))
	draw.Draw(big, big.Bounds(), image.NewUniform(back), image.Point{}, draw.Src)
	if face, err := lettering(side * 5 / 12); err == nil { // the font is part of the program
		d := font.Drawer{Dst: big, Src: image.White, Face: face}
		bounds, _ := d.BoundString(string(letters))
		d.Dot = fixed.Point26_6{X: (fixed.I(side) - bounds.Max.X - bounds.Min.X) / 2, Y: (fixed.I(side) - bounds.Max.Y - bounds.Min.Y) / 2}
		d.DrawString(string(letters))
	}
	var out bytes.Buffer
	_ = jpeg.Encode(&out, big, &jpeg.Options{Quality: 80}) // a buffer
	return out.Bytes()
}

// lettering is the font of the initials.
func lettering(size float64) (font.Face, error) {
	f, err := opentype.Parse(gomedium.TTF)
	if err != nil {
		return nil, err
	}
	return opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
}

// served are the sizes that this photo comes in.
func (p *photo) served() []int {
	var out []int
	for _, s := range photoSizes {
		if s <= p.side {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		out = []int{p.side}
	}
	return out
}

// jpeg is the photo as a square of that side; nil when it cannot be read.
func (p *photo) jpeg(side int) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	data := p.source()
	if b, ok := p.sizes[side]; ok {
		return b
	}
	src, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	b := src.Bounds()
	short := min(b.Dx(), b.Dy())
	at := image.Pt(b.Min.X+(b.Dx()-short)/2, b.Min.Y+(b.Dy()-short)/2)
	dst := image.NewRGBA(image.Rect(0, 0, side, side))
	draw.Draw(dst, dst.Bounds(), image.White, image.Point{}, draw.Src)
	draw.ApproxBiLinear.Scale(dst, dst.Bounds(), src, image.Rectangle{at, at.Add(image.Pt(short, short))}, draw.Over, nil)
	var out bytes.Buffer
	if jpeg.Encode(&out, dst, &jpeg.Options{Quality: 88}) != nil {
		return nil
	}
	p.sizes[side] = out.Bytes()
	return out.Bytes()
}

// nearest is the size to serve for one that is asked for: that one, or the next smaller; "" is the largest. False is no size.
func (p *photo) nearest(size string) (int, bool) {
	served := p.served()
	if size == "" {
		return served[len(served)-1], true
	}
	w, h, ok := strings.Cut(strings.ToLower(size), "x")
	n, err := strconv.Atoi(w)
	if !ok || w != h || err != nil || !slices.Contains(photoSizes, n) && n != p.side {
		return 0, false
	}
	best := served[0]
	for _, s := range served {
		if s <= n {
			best = s
		}
	}
	return best, true
}

// pictured is the person or the group of the key before segment n. Call with Emulator.mu held.
func (c *call) pictured(t *table, key string, n int) (*object, error) {
	if t == c.t.dir.users {
		return c.find(key)
	}
	return c.lookup(t, key, n-1)
}

// seesPhoto: https://learn.microsoft.com/en-us/graph/api/profilephoto-get#permissions
func (c *call) seesPhoto(o *object) bool {
	if c.p.holds("ProfilePhoto.Read.All", "ProfilePhoto.ReadWrite.All") {
		return true
	}
	if o.is("group") {
		return c.p.holds("Group.Read.All", "Group.ReadWrite.All") || c.p.asUser()
	}
	return c.sees(o) != blind
}

func (c *call) findPhoto(t *table, key string, n int) (*object, *photo, error) {
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	o, err := c.pictured(t, key, n)
	if err != nil {
		return nil, nil, err
	}
	if !c.seesPhoto(o) {
		return nil, nil, denied()
	}
	if o.more == nil || o.more.photo == nil {
		return o, nil, noPhoto()
	}
	return o, o.more.photo, nil
}

// photoRoutes answers …/photo and …/photos of a person or a group, at segment n.
func (c *call) photoRoutes(t *table, key string, n int) (bool, error) {
	rest, value := c.seg[n+1:], false
	if len(rest) > 0 && c.is(len(c.seg)-1, "$value") {
		rest, value = rest[:len(rest)-1], true
	}
	switch one := c.is(n, "photo"); {
	case one && len(rest) == 0:
		return true, c.photoOf(t, key, n, "", value)
	case !one && len(rest) == 0 && !value:
		return true, c.photosOf(t, key, n)
	case !one && len(rest) == 1:
		return true, c.photoOf(t, key, n, rest[0], value)
	}
	return false, nil
}

// photoOf answers …/photo and …/photos/{size}, and their $value: https://learn.microsoft.com/en-us/graph/api/profilephoto-get
func (c *call) photoOf(t *table, key string, n int, size string, value bool) error {
	switch c.r.Method {
	case http.MethodPut, http.MethodPatch:
		if !value || size != "" {
			return wrongVerb()
		}
		return c.putPhoto(t, key, n)
	case http.MethodDelete:
		if size != "" {
			return wrongVerb()
		}
		return c.deletePhoto(t, key, n)
	}
	if err := c.method(http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete); err != nil {
		return err
	}
	o, p, err := c.findPhoto(t, key, n)
	if o != nil && p == nil && !value && c.e.opts.Rules == DocumentedRules {
		// The page shows a placeholder where practice shows 404: https://learn.microsoft.com/en-us/graph/api/profilephoto-get
		b := c.context(nil, t.set+"('"+o.id+"')/photo/$entity")
		b = append(b, `"@odata.mediaContentType":"image/gif","@odata.mediaEtag":"W/\"placeholder\"","id":"1x1","height":1,"width":1}`...)
		return c.send(http.StatusOK, b)
	}
	if err != nil {
		return err
	}
	side, ok := p.nearest(size)
	if !ok {
		return noPhoto()
	}
	if !value {
		b := c.context(nil, t.set+"('"+o.id+"')/photo/$entity")
		return c.send(http.StatusOK, append(p.describe(b, side), '}'))
	}
	data := p.jpeg(side)
	h := c.w.Header()
	h["Content-Type"] = []string{"image/jpeg"}
	h["Content-Length"] = []string{strconv.Itoa(len(data))}
	h["Etag"] = []string{p.etag}
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method != http.MethodHead {
		_, _ = c.w.Write(data) // the client went away
	}
	return nil
}

func (p *photo) describe(b []byte, side int) []byte {
	b = append(b, `"@odata.mediaContentType":"image/jpeg","@odata.mediaEtag":`...)
	b = appendText(b, p.etag)
	return fmt.Appendf(b, `,"id":"%dx%d","height":%d,"width":%d`, side, side, side, side)
}

func (c *call) photosOf(t *table, key string, n int) error {
	if err := c.method(http.MethodGet); err != nil {
		return err
	}
	o, p, err := c.findPhoto(t, key, n)
	if err != nil {
		return err
	}
	served := p.served()
	return c.sendPage(len(served), t.set+"('"+o.id+"')/photos", func(b []byte, i int) []byte { return p.describe(b, served[i]) })
}

// mayPhoto: https://learn.microsoft.com/en-us/graph/api/profilephoto-update. Of groups only those of Microsoft 365 have a mailbox to
// keep a picture in; what the others are told is assumed.
func (c *call) mayPhoto(o *object) error {
	if o.is("group") {
		if err := c.mayWriteGroup(o, "ProfilePhoto.ReadWrite.All", "Group.ReadWrite.All"); err != nil {
			return err
		}
		if !o.unified() {
			return noMailbox()
		}
		return nil
	}
	all := c.p.holds("ProfilePhoto.ReadWrite.All", "User.ReadWrite.All") || c.p.asUser()
	switch {
	case c.p.self(o):
		all = all || c.p.holds("User.ReadWrite")
	case c.p.delegated():
		all = all && c.p.hasRole(globalAdmin, userAdmin)
	}
	if !all {
		return denied()
	}
	return nil
}

func (c *call) putPhoto(t *table, key string, n int) error {
	data, err := c.body()
	if err != nil {
		return err
	}
	if kind, _, _ := strings.Cut(c.r.Header.Get("Content-Type"), ";"); !strings.HasPrefix(strings.ToLower(strings.TrimSpace(kind)), "image/") {
		return failure(http.StatusBadRequest, "BadRequest", "The content type of a photo must be an image type.")
	}
	p, bad := newPhoto(data)
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	o, err := c.pictured(t, key, n)
	if err != nil {
		return err
	}
	if err := c.mayPhoto(o); err != nil {
		return err
	}
	if bad != nil {
		return failure(http.StatusBadRequest, "ErrorInvalidImage", "The photo is not an image that can be read.")
	}
	entry := c.entry(t.name+".photo.set", o.id)
	entry.Before, entry.After = map[string]any{"photo": etagOf(o)}, map[string]any{"photo": p.etag}
	o.extra().photo = p
	c.e.ledger.add(entry)
	c.w.Header()["Content-Length"] = []string{"0"}
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func etagOf(o *object) any {
	if o.more == nil || o.more.photo == nil {
		return nil
	}
	return o.more.photo.etag
}

// deletePhoto: https://learn.microsoft.com/en-us/graph/api/profilephoto-delete
func (c *call) deletePhoto(t *table, key string, n int) error {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	o, err := c.pictured(t, key, n)
	if err != nil {
		return err
	}
	if err := c.mayPhoto(o); err != nil {
		return err
	}
	if etagOf(o) == nil {
		return noPhoto()
	}
	entry := c.entry(t.name+".photo.remove", o.id)
	entry.Before, entry.After = map[string]any{"photo": etagOf(o)}, map[string]any{"photo": nil}
	o.more.photo = nil
	c.e.ledger.add(entry)
	return c.done()
}
