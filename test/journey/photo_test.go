package journey

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
)

// upload posts a photo as the page does.
func (b *browser) upload(name, kind string, data []byte) *browser {
	b.t.Helper()
	form := b.get("/profile/photo").form("/profile/photo")
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for k, v := range form {
		for _, x := range v {
			_ = m.WriteField(k, x)
		}
	}
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", fmt.Sprintf(`form-data; name=%q; filename=%q`, b.fileField(), name))
	h.Set("Content-Type", kind)
	part, err := m.CreatePart(h)
	if err != nil {
		b.t.Fatal(err)
	}
	_, _ = part.Write(data)
	_ = m.Close()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.w.Portal+"/profile/photo", &body)
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
	gif := append([]byte("GIF89a\xff\xff\xff\xff\x80\x00\x00"), bytes.Repeat([]byte{0}, 21)...)
	for name, data := range map[string][]byte{
		"a.svg": []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), "a.html": []byte("<html><script>alert(1)</script>"),
		"empty.jpg": {}, "bomb.gif": gif, "tiny.png": small.Bytes(), "cut.jpg": good.Bytes()[:good.Len()/3], "text.png": []byte("not a picture"),
		"a.heic": append([]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00"), make([]byte, 100)...), "../../evil.jpg": []byte("MZ"),
	} {
		b.upload(name, "image/jpeg", data)
		if b.code < 400 || b.code >= 500 || len(b.text()) < 100 {
			t.Errorf("%s: %d\n%.300s", name, b.code, b.text())
		}
	}
	if len(w.since(at)) != 0 {
		t.Fatal("something was written")
	}
	b.upload("me.jpg", "image/jpeg", tagged.Bytes())
	if b.code != http.StatusOK {
		t.Fatalf("a good picture: %d\n%s", b.code, b.text())
	}
	if got := w.since(at); len(got) != 1 {
		t.Fatalf("%d writes, want 1", len(got))
	}
	b.get("/photo")
	if b.head.Get("Content-Type") != "image/jpeg" || strings.Contains(b.body, "canary") || strings.Contains(b.body, "Exif") {
		t.Errorf("what is served: %s, %d bytes", b.head.Get("Content-Type"), len(b.body))
	}
}
