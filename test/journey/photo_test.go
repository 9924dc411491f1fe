package journey

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nameplate/internal/app"
)

// upload posts a photo as the page does.
func (b *browser) upload(name, kind string, data []byte) *browser {
	b.t.Helper()
	b.get("/profile/photo")
	return b.attach("/profile/photo", name, kind, data)
}

// beside is a file for another field.
type beside struct {
	field, name string
	data        []byte
}

// attach sends the form of the page that posts to path, with a file, and others beside it.
func (b *browser) attach(path, name, kind string, data []byte, others ...beside) *browser {
	b.t.Helper()
	form := b.form(path)
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for k, v := range form {
		for _, x := range v {
			_ = m.WriteField(k, x)
		}
	}
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", fmt.Sprintf(`form-data; name=%q; filename="%s"`, b.fileField(), strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)))
	h.Set("Content-Type", kind)
	part, err := m.CreatePart(h)
	if err != nil {
		b.t.Fatal(err)
	}
	_, _ = part.Write(data)
	for _, o := range others {
		w, _ := m.CreateFormFile(o.field, o.name) // into memory
		_, _ = w.Write(o.data)
	}
	_ = m.Close()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.w.Portal+path, &body)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", m.FormDataContentType())
	req.Header.Set("Origin", b.w.Portal)
	return b.do(req)
}

func (b *browser) fileField() string {
	b.t.Helper()
	for _, n := range b.all(func(n *htmlNode) bool { return n.Data == "input" && attr(n, "type") == "file" }) {
		return attr(n, "name")
	}
	b.t.Fatal("the page has no field for a file")
	return ""
}

func picture(w, h int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, color.RGBA{uint8(x * 255 / w), uint8(y * 255 / h), 120, 255})
		}
	}
	return m
}

// A40, B50: pictures are decoded and written anew; what is no picture, too small or a bomb is refused with words; what is served
// holds no metadata and no markup.
func TestA40_B50_Photos(t *testing.T) {
	t.Parallel()
	w := running(t)
	b := w.signIn(w.who("member"))
	var good, tagged, small bytes.Buffer
	_ = jpeg.Encode(&good, picture(400, 400), nil)
	_ = png.Encode(&small, picture(20, 20))
	exif := append([]byte{0xFF, 0xE1, 0x00, 0x2A}, append([]byte("Exif\x00\x00"), []byte("GPS canary 52.5200N 13.4050E secret!!")[:34]...)...)
	tagged.Write(good.Bytes()[:2])
	tagged.Write(exif)
	tagged.Write(good.Bytes()[2:])
	tagged.WriteString("<script>alert('canary')</script>")

	at := w.mark()
	bomb := append([]byte("GIF89a\xff\xff\xff\xff\x80\x00\x00"), bytes.Repeat([]byte{0}, 21)...)
	for name, data := range map[string][]byte{
		"a.svg": []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), "a.html": []byte("<html><script>alert(1)</script>"),
		"empty.jpg": {}, "bomb.gif": bomb, "tiny.png": small.Bytes(), "cut.jpg": good.Bytes()[:good.Len()/3], "text.png": []byte("not a picture"),
		"a.heic": append([]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00"), make([]byte, 100)...), "../../evil.jpg": []byte("MZ"),
		"a.webp": []byte("RIFF\x24\x00\x00\x00WEBPVP8 "), "a.pdf": []byte("%PDF-1.7\n<script>"), "a.zip": []byte("PK\x03\x04"), "a.bmp": []byte("BM\x00\x00"), "a.tiff": []byte("II*\x00"), "polyglot.gif": []byte("GIF89a/*<script>*/=alert(1)"),
	} {
		b.upload(name, "image/jpeg", data)
		if b.code < 400 || b.code >= 500 || len(b.text()) < 100 {
			t.Errorf("%s: %d\n%.300s", name, b.code, b.text())
		}
	}
	if len(w.since(at)) != 0 {
		t.Fatal("something was written")
	}
	// What is a picture is taken whatever its name and its claimed kind say, and only its pixels are served.
	var drawn, moving bytes.Buffer
	_ = png.Encode(&drawn, picture(300, 200))
	drawn.WriteString("<script>alert('canary')</script>")
	frame := image.NewPaletted(image.Rect(0, 0, 90, 90), color.Palette{color.White, color.Black})
	_ = gif.EncodeAll(&moving, &gif.GIF{Image: []*image.Paletted{frame, frame}, Delay: []int{1, 1}})
	for i, c := range []struct {
		name, kind string
		data       []byte
	}{{"me.jpg", "image/jpeg", tagged.Bytes()}, {"me.svg", "image/svg+xml", drawn.Bytes()}, {"../me.html", "text/html", moving.Bytes()}} {
		b.upload(c.name, c.kind, c.data)
		if b.code != http.StatusOK {
			t.Fatalf("%s: %d\n%s", c.name, b.code, b.text())
		}
		if got := w.since(at); len(got) != i+1 {
			t.Fatalf("%s: %d writes, want %d", c.name, len(got), i+1)
		}
		b.get("/photo")
		if b.head.Get("Content-Type") != "image/jpeg" || b.head.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(b.body, "\xff\xd8\xff") {
			t.Errorf("%s: what is served: %s, %d bytes", c.name, b.head.Get("Content-Type"), len(b.body))
		}
		for _, bad := range []string{"canary", "Exif", "script", "GIF8", "PNG", c.name} {
			if strings.Contains(b.body, bad) {
				t.Errorf("%s: what is served holds %s", c.name, bad)
			}
		}
	}
}

// plain is a picture of one color, another one for each i.
func plain(i int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, 100, 100))
	draw.Draw(m, m.Bounds(), image.NewUniform(color.RGBA{uint8(i * 90), uint8(i * 50), uint8(i * 130), 255}), image.Point{}, draw.Src)
	return m
}

// A person sends so many photos in a day and no more, and is told so in place; on the next day it goes on.
func TestPhotosOfADay(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	w := begin(t, app.DemoOptions{Now: func() time.Time { return app.Clock().Add(time.Duration(late.Load())) }})
	b := w.signIn(w.who("member"))
	at := w.mark()
	for i := range 21 {
		var one bytes.Buffer
		_ = jpeg.Encode(&one, plain(i), nil)
		b.upload("me.jpg", "image/jpeg", one.Bytes())
		if i < 20 && b.code != http.StatusOK {
			t.Fatalf("picture %d: %d\n%s", i+1, b.code, b.text())
		}
	}
	if b.says("20 times within a day", "wait until tomorrow"); b.code != http.StatusTooManyRequests {
		t.Errorf("the 21st picture: %d", b.code)
	}
	if got := w.since(at); len(got) != 20 {
		t.Errorf("%d pictures reached the directory, want 20", len(got))
	}
	late.Store(int64(25 * time.Hour))
	w.Emulator.Clock().Advance(25 * time.Hour)
	b = w.signIn(w.who("member"))
	var next bytes.Buffer
	_ = jpeg.Encode(&next, plain(21), nil)
	if b.upload("me.jpg", "image/jpeg", next.Bytes()); b.code != http.StatusOK {
		t.Errorf("on the next day: %d\n%s", b.code, b.text())
	}
}

// The portal forgets the photos that it kept for undo once they are older than photo_keep says; the history stays, and an undo says
// that the picture is gone.
func TestPhotosAreForgotten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var late atomic.Int64
	clock := func() time.Time { return app.Clock().Add(time.Duration(late.Load())) }
	func() {
		d, err := app.StartDemo(t.Context(), app.DemoOptions{Data: dir, Now: clock})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = d.Close(t.Context()) }()
		w := &world{Demo: d, t: t}
		b := w.signIn(w.who("member"))
		for i := range 2 {
			var one bytes.Buffer
			_ = jpeg.Encode(&one, plain(i), nil)
			b.upload("me.jpg", "image/jpeg", one.Bytes()).says("Saved")
		}
	}()
	late.Store(int64(31 * 24 * time.Hour))
	var log lockedBuffer
	w := begin(t, app.DemoOptions{Data: dir, Now: clock, Log: slog.New(slog.NewTextHandler(&log, nil))})
	w.Emulator.Clock().Advance(clock().Sub(w.Emulator.Now())) // what is kept of it goes on where it ended
	if !log.says("photos that were kept for undo were forgotten") {
		t.Fatal(log.String())
	}
	b := w.signIn(w.who("member")).get("/history")
	b.says("a new photo")
	var undo string
	for _, n := range b.all(func(n *htmlNode) bool { return n.Data == "form" && strings.HasSuffix(attr(n, "action"), "/undo") }) {
		if undo == "" {
			undo = attr(n, "action")
		}
	}
	at := w.mark()
	b.post(undo, b.form(undo)).says("This picture is not kept any more")
	if got := w.since(at); len(got) != 0 {
		t.Errorf("something was written: %+v", got)
	}
}
