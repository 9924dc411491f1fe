package photo_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/color/palette"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"nameplate/internal/fail"
	"nameplate/internal/photo"
)

// halves is red above and blue below.
func halves(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{220, 20, 20, 255}
			if y >= h/2 {
				c = color.RGBA{20, 20, 220, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img
}

func encodeJPEG(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withEXIF puts an APP1 segment with an orientation and a GPS-looking text behind the start of a JPEG (Exif 2.32, section 4.6).
func withEXIF(data []byte, orientation uint16) []byte {
	tiff := []byte("MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01")
	tiff = binary.BigEndian.AppendUint16(tiff, orientation)
	tiff = append(tiff, 0, 0, 0, 0, 0, 0)
	tiff = append(tiff, "GPSLatitude 55.6761"...)
	body := append([]byte("Exif\x00\x00"), tiff...)
	seg := append([]byte{0xff, 0xe1}, binary.BigEndian.AppendUint16(nil, uint16(len(body)+2))...)
	return append(append(append([]byte{}, data[:2]...), append(seg, body...)...), data[2:]...)
}

func decode(t *testing.T, data []byte) image.Image {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func red(c color.Color) bool { r, _, b, _ := c.RGBA(); return r > b }

func TestA40_OnlyPixelsSurvive(t *testing.T) {
	t.Parallel()
	var withText bytes.Buffer
	if err := png.Encode(&withText, halves(200, 200)); err != nil {
		t.Fatal(err)
	}
	chunk := append([]byte("tEXt"), "Comment\x00<script>alert(1)</script>"...)
	raw := withText.Bytes()
	evil := append([]byte{}, raw[:33]...)
	evil = binary.BigEndian.AppendUint32(evil, uint32(len(chunk)-4))
	evil = append(evil, chunk...)
	evil = binary.BigEndian.AppendUint32(evil, crc32.ChecksumIEEE(chunk))
	evil = append(evil, raw[33:]...)
	for name, data := range map[string][]byte{
		"exif with place":      withEXIF(encodeJPEG(t, halves(200, 200)), 1),
		"page behind the end":  append(encodeJPEG(t, halves(200, 200)), "<html><script>alert(1)</script>"...),
		"png with script text": evil,
	} {
		out, err := photo.Portrait(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, bad := range []string{"Exif", "GPS", "script", "tEXt"} {
			if bytes.Contains(out, []byte(bad)) {
				t.Errorf("%s: %s survived", name, bad)
			}
		}
		decode(t, out)
	}
}

func TestB50_Rotated(t *testing.T) {
	t.Parallel()
	// Where the red half is after turning, by Exif 2.32 table 6: 1 top, 3 bottom, 6 right (turn by 90 clockwise), 8 left.
	for orientation, at := range map[uint16]image.Point{1: {50, 10}, 2: {50, 10}, 3: {50, 90}, 4: {50, 90}, 5: {10, 50}, 6: {90, 50}, 7: {90, 50}, 8: {10, 50}} {
		out, err := photo.Portrait(withEXIF(encodeJPEG(t, halves(100, 100)), orientation))
		if err != nil {
			t.Fatal(err)
		}
		img := decode(t, out)
		if !red(img.At(at.X, at.Y)) || red(img.At(99-at.X, 99-at.Y)) {
			t.Errorf("orientation %d: red is not at %v", orientation, at)
		}
	}
}

func TestB50_SquareAndSize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ w, h, side int }{{1600, 900, 648}, {900, 1600, 648}, {60, 200, 60}, {48, 48, 48}, {648, 648, 648}} {
		out, err := photo.Portrait(encodeJPEG(t, halves(c.w, c.h)))
		if err != nil {
			t.Fatal(err)
		}
		if b := decode(t, out).Bounds(); b.Dx() != c.side || b.Dy() != c.side {
			t.Errorf("%d×%d became %v", c.w, c.h, b)
		}
	}
	var g bytes.Buffer
	frame := image.NewPaletted(image.Rect(0, 0, 100, 100), palette.Plan9)
	if err := gif.EncodeAll(&g, &gif.GIF{Image: []*image.Paletted{frame, frame, frame}, Delay: []int{1, 1, 1}}); err != nil {
		t.Fatal(err)
	}
	if _, err := photo.Portrait(g.Bytes()); err != nil {
		t.Errorf("animated: %v", err)
	}
	deep := image.NewNRGBA64(image.Rect(0, 0, 64, 64))
	var p bytes.Buffer
	if err := png.Encode(&p, deep); err != nil {
		t.Fatal(err)
	}
	out, err := photo.Portrait(p.Bytes())
	if err != nil {
		t.Fatalf("16 bits: %v", err)
	}
	if r, _, _, _ := decode(t, out).At(10, 10).RGBA(); r < 0xf000 {
		t.Error("what was transparent is not white")
	}
}

// claims is a PNG header of that size without any pixels.
func claims(w, h uint32) []byte {
	ihdr := append([]byte("IHDR"), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)...)
	ihdr = append(ihdr, 8, 2, 0, 0, 0)
	out := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	return binary.BigEndian.AppendUint32(append(out, ihdr...), crc32.ChecksumIEEE(ihdr))
}

func TestB50_Refused(t *testing.T) {
	t.Parallel()
	whole := encodeJPEG(t, halves(300, 300))
	for name, c := range map[string]struct {
		data []byte
		say  string
	}{
		"34-byte GIF of 65,535 squared": {append([]byte("GIF89a\xff\xff\xff\xff\x80\x00\x00\x00\x00\x00\xff\xff\xff\x2c\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x01\x00\x00"), ';'), "too many pixels"},
		"PNG of 100,000 squared":        {claims(100_000, 100_000), "too many pixels"},
		"PNG that overflows":            {claims(0x7fffffff, 0x7fffffff), "cannot be read"},
		"truncated JPEG":                {whole[:len(whole)/2], "damaged"},
		"one pixel":                     {encodeJPEG(t, halves(1, 1)), "too small"},
		"47 pixels":                     {encodeJPEG(t, halves(47, 400)), "too small"},
		"nothing":                       {nil, "empty"},
		"5 MB":                          {make([]byte, 5<<20), "larger than 4 MB"},
		"SVG":                           {[]byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`), "drawing"},
		"HTML":                          {[]byte("\ufeff  <!doctype html><script>"), "drawing or a web page"},
		"HEIC":                          {[]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), "HEIC"},
		"WebP":                          {[]byte("RIFF\x24\x00\x00\x00WEBPVP8 "), "WebP"},
		"text":                          {[]byte("hello"), "cannot be read"},
	} {
		_, err := photo.Portrait(c.data)
		if !fail.Is(err, fail.Invalid) || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzPortrait(f *testing.F) {
	f.Add([]byte("GIF89a\xff\xff"))
	f.Add(claims(64, 64))
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := photo.Portrait(data)
		if err != nil && !fail.Is(err, fail.Invalid) {
			t.Fatal(err)
		}
		if err == nil && !photo.IsJPEG(out) {
			t.Fatal("not a JPEG")
		}
	})
}
