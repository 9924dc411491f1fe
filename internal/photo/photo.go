// Package photo owns what may become a person's picture: it reads an uploaded file without believing its name or type, and makes
// a square JPEG of our own from it.
//
// It promises that a file which claims to be huge costs nothing, that nothing of the upload survives but pixels (no metadata, no
// script, no second format), and that every refusal says what to do instead. It fetches and stores nothing.
package photo

import (
	"bytes"
	"encoding/binary"
	"image"
	_ "image/gif" // the first frame
	"image/jpeg"
	_ "image/png"

	"nameplate/internal/fail"
)

// Limits of an upload, and the side of what is made. 648 is the largest size in which Microsoft 365 keeps a photo
// (https://learn.microsoft.com/graph/api/profilephoto-get), 48 the smallest.
const (
	MaxBytes  = 4 << 20
	MaxPixels = 16_000_000
	MinSide   = 48
	Side      = 648
)

// TooLarge says that a file has more than MaxBytes, and what to do.
func TooLarge() fail.Text {
	return fail.T("This file is larger than %d MB. Choose a smaller picture, or make it smaller first.", MaxBytes>>20)
}

// TooSmall says that a side of a picture has less than MinSide pixels, and what to do.
func TooSmall() fail.Text {
	return fail.T("This picture is too small: it needs at least %d pixels on each side. Choose a larger one.", MinSide)
}

func refuse(say fail.Text) error { return fail.New(fail.Invalid, "photo", say) }

// Portrait makes a square JPEG of at most Side pixels from the middle of an uploaded picture, turned as its camera held it.
// Errors are fail.Invalid with a sentence.
func Portrait(data []byte) ([]byte, error) {
	if len(data) > MaxBytes {
		return nil, refuse(TooLarge())
	}
	if say := foreign(data); !say.Zero() {
		return nil, refuse(say)
	}
	cfg, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil || (format != "jpeg" && format != "png" && format != "gif") {
		return nil, refuse(fail.T("This file cannot be read as a picture. Choose a JPEG, PNG or GIF file."))
	}
	if cfg.Width <= 0 || cfg.Height <= 0 || cfg.Width > MaxPixels || cfg.Height > MaxPixels || cfg.Width*cfg.Height > MaxPixels {
		return nil, refuse(fail.T("This picture has too many pixels; %d million are enough. Make it smaller first.", MaxPixels/1_000_000))
	}
	if cfg.Width < MinSide || cfg.Height < MinSide {
		return nil, refuse(TooSmall())
	}
	if cost(format, cfg, data) > MaxMemory {
		return nil, refuse(fail.T("This picture holds more than can be prepared here, in its %[1]d × %[2]d pixels. Save it as an ordinary JPEG of at most %[3]d million pixels first, then choose it again.", cfg.Width, cfg.Height, MaxPixels/1_000_000))
	}
	src, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, refuse(fail.T("This picture is damaged and cannot be read to its end. Choose another file, or save it again first."))
	}
	square := middle(src.Bounds())
	if square.Dx() < MinSide { // a GIF's first frame may be smaller than the file claims to be
		return nil, refuse(TooSmall())
	}
	out := scale(src, square, min(square.Dx(), Side))
	if format == "jpeg" {
		out = turn(out, orientation(data))
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, out, &jpeg.Options{Quality: 88}); err != nil {
		return nil, fail.Wrap(fail.Internal, "photo.encode", err)
	}
	return b.Bytes(), nil
}

// IsJPEG says whether bytes begin as a JPEG does.
func IsJPEG(data []byte) bool { return bytes.HasPrefix(data, []byte{0xff, 0xd8, 0xff}) }

// foreign recognizes formats that people do send and that are not taken, to say so by name.
func foreign(data []byte) fail.Text {
	head := bytes.ToLower(bytes.TrimLeft(data[:min(len(data), 1024)], "\xef\xbb\xbf \t\r\n"))
	switch {
	case len(data) == 0:
		return fail.T("This file is empty. Choose another one.")
	case len(data) > 12 && string(data[4:8]) == "ftyp":
		return fail.T("This is a HEIC or AVIF picture, as many phones take them. Save it as JPEG first, then choose it again.")
	case bytes.HasPrefix(head, []byte("<")) || bytes.Contains(head, []byte("<svg")):
		return fail.T("This is a drawing or a web page, not a photo. Choose a JPEG, PNG or GIF file.")
	case bytes.HasPrefix(data, []byte("RIFF")) && len(data) > 12 && string(data[8:12]) == "WEBP":
		return fail.T("This is a WebP picture. Save it as JPEG or PNG first, then choose it again.")
	}
	return fail.Text{}
}

// middle is the largest square in the middle.
func middle(r image.Rectangle) image.Rectangle {
	side := min(r.Dx(), r.Dy())
	x, y := r.Min.X+(r.Dx()-side)/2, r.Min.Y+(r.Dy()-side)/2
	return image.Rect(x, y, x+side, y+side)
}

// turn undoes an EXIF orientation (1 to 8) on a square.
func turn(src *image.RGBA, orientation int) *image.RGBA {
	if orientation < 2 || orientation > 8 {
		return src
	}
	n := src.Bounds().Dx() - 1
	dst := image.NewRGBA(src.Bounds())
	for y := 0; y <= n; y++ {
		for x := 0; x <= n; x++ {
			sx, sy := x, y
			switch orientation {
			case 2:
				sx = n - x
			case 3:
				sx, sy = n-x, n-y
			case 4:
				sy = n - y
			case 5:
				sx, sy = y, x
			case 6:
				sx, sy = y, n-x
			case 7:
				sx, sy = n-y, n-x
			case 8:
				sx, sy = n-y, x
			}
			dst.SetRGBA(x, y, src.RGBAAt(sx, sy))
		}
	}
	return dst
}

// orientation reads the EXIF orientation of a JPEG; 1 when there is none or it cannot be read.
func orientation(data []byte) int {
	for i := 2; i+4 <= len(data) && data[i] == 0xff; {
		marker, size := data[i+1], int(binary.BigEndian.Uint16(data[i+2:]))
		if marker == 0xda || size < 2 || i+2+size > len(data) {
			return 1
		}
		if segment := data[i+4 : i+2+size]; marker == 0xe1 && bytes.HasPrefix(segment, []byte("Exif\x00\x00")) {
			return exif(segment[6:])
		}
		i += 2 + size
	}
	return 1
}

// exif reads tag 0x0112 of the first directory of a TIFF header.
func exif(tiff []byte) int {
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder
	switch string(tiff[:2]) {
	case "II":
		order = binary.LittleEndian
	case "MM":
		order = binary.BigEndian
	default:
		return 1
	}
	at := int(order.Uint32(tiff[4:]))
	if at < 8 || at+2 > len(tiff) {
		return 1
	}
	count := int(order.Uint16(tiff[at:]))
	for i := range count {
		entry := at + 2 + i*12
		if entry+12 > len(tiff) {
			return 1
		}
		if order.Uint16(tiff[entry:]) == 0x0112 {
			if o := int(order.Uint16(tiff[entry+8:])); o >= 1 && o <= 8 {
				return o
			}
			return 1
		}
	}
	return 1
}
