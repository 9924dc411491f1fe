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

// header is a JPEG of that size, process (0xc0 baseline, 0xc2 progressive) and sampling of the first of its components, whose scan is empty.
func header(process byte, w, h uint16, components int, sampling byte) []byte {
	sof := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16([]byte{8}, h), w)
	sof = append(sof, byte(components), 1, sampling, 0)
	for c := 1; c < components; c++ {
		sof = append(sof, byte(c+1), 0x11, 0)
	}
	out := append([]byte{0xff, 0xd8, 0xff, process}, binary.BigEndian.AppendUint16(nil, uint16(len(sof)+2))...)
	return append(append(out, sof...), "\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"...)
}

// deep is a PNG header with more bits, or interlaced.
func deep(w, h uint32, depth, color, interlaced byte) []byte {
	b := claims(w, h)
	copy(b[24:], []byte{depth, color, 0, 0, interlaced})
	return binary.BigEndian.AppendUint32(b[:len(b)-4], crc32.ChecksumIEEE(b[12:len(b)-4]))
}

// What a picture would take is known from its header: what is too much is refused before it is decoded, and what a phone takes is not.
func TestB50_Cost(t *testing.T) {
	t.Parallel()
	const much, broken = "more than can be prepared here", "damaged"
	for name, c := range map[string]struct {
		data []byte
		say  string
	}{
		"a phone's 12 megapixels":        {header(0xc0, 4032, 3024, 3, 0x22), broken},
		"16 megapixels, all colors":      {header(0xc0, 4000, 4000, 3, 0x11), broken},
		"8 megapixels, progressive":      {header(0xc2, 3264, 2448, 3, 0x22), broken},
		"16 megapixels, progressive":     {header(0xc2, 4000, 4000, 3, 0x22), much},
		"12 megapixels for a press":      {header(0xc0, 4032, 3024, 4, 0x11), much},
		"PNG of 16 megapixels":           {deep(4000, 4000, 8, 6, 0), broken},
		"PNG of 7 megapixels of 16 bits": {deep(2640, 2640, 16, 2, 0), broken},
		"PNG of 16 bits":                 {deep(4000, 4000, 16, 6, 0), much},
		"PNG of 16 bits, interlaced":     {deep(2640, 2640, 16, 2, 1), much},
		"PNG, interlaced":                {deep(4000, 4000, 8, 2, 1), much},
		"PNG of gray":                    {deep(4000, 4000, 16, 0, 1), broken},
	} {
		_, err := photo.Portrait(c.data)
		if !fail.Is(err, fail.Invalid) || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %v, want %s", name, err, c.say)
		}
	}
}

// BenchmarkPortrait prepares the costliest pictures that are taken, and says how much memory each has at once at most: what is
// allocated is there to the end, for nothing of it is given back before.
func BenchmarkPortrait(b *testing.B) {
	var photo12, png16 bytes.Buffer
	if err := jpeg.Encode(&photo12, image.NewYCbCr(image.Rect(0, 0, 4032, 3024), image.YCbCrSubsampleRatio420), nil); err != nil {
		b.Fatal(err)
	}
	if err := png.Encode(&png16, image.NewNRGBA(image.Rect(0, 0, 4000, 4000))); err != nil {
		b.Fatal(err)
	}
	for name, data := range map[string][]byte{"JPEG of 12 megapixels": photo12.Bytes(), "PNG of 16 megapixels": png16.Bytes()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := photo.Portrait(data); err != nil {
					b.Fatal(err)
				}
			}
		})
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
