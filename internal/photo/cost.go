package photo

import (
	"bytes"
	"encoding/binary"
	"image"
)

// MaxMemory is what one picture may take while it is decoded, in bytes: 16 million pixels of a PNG of 8 bits, or 42 million of an ordinary
// JPEG. More bits, interlacing and progressive scans cost more for each pixel.
const MaxMemory = 64_000_000

// cost is how many bytes the decoders of the standard library take for a picture, by what its header claims.
func cost(format string, cfg image.Config, data []byte) int {
	pixels := cfg.Width * cfg.Height
	switch format {
	case "png":
		return costPNG(pixels, data)
	case "jpeg":
		return costJPEG(pixels, data)
	}
	return pixels // GIF: an index each
}

// costPNG reads the header chunk, which is the first: after its size, 8 bytes in, come bit depth, color type and interlacing.
// https://www.w3.org/TR/png/#11IHDR
func costPNG(pixels int, data []byte) int {
	const header = 8 + 8 + 8 // signature, length and name of the chunk, width and height
	if len(data) < header+5 {
		return pixels
	}
	each := 4
	switch depth, color := data[header], data[header+1]; {
	case color == 3 || color == 0 && depth <= 8: // a palette, or gray
		each = 1
	case color == 0:
		each = 2
	case depth == 16:
		each = 8
	}
	if data[header+4] != 0 {
		return pixels * each * 3 / 2 // the largest pass stands beside the whole for a moment
	}
	return pixels * each
}

// costJPEG reads the frame header (SOF) and what Adobe says of the colors.
// https://www.w3.org/Graphics/JPEG/itu-t81.pdf, B.2.2
func costJPEG(pixels int, data []byte) int {
	plain := false // red, green and blue as they are
	for i := 2; i+4 <= len(data) && data[i] == 0xff; {
		marker, size := data[i+1], int(binary.BigEndian.Uint16(data[i+2:]))
		if marker == 0xff {
			i++
			continue
		}
		if size < 2 || i+2+size > len(data) {
			break
		}
		body := data[i+4 : i+2+size]
		if marker == 0xee && len(body) >= 12 && bytes.HasPrefix(body, []byte("Adobe")) {
			plain = body[11] == 0
		}
		if marker >= 0xc0 && marker <= 0xc2 && len(body) >= 6 {
			return costFrame(pixels, marker == 0xc2, plain, body)
		}
		i += 2 + size
	}
	return pixels * 3
}

func costFrame(pixels int, progressive, plain bool, sof []byte) int {
	n := int(sof[5])
	if n < 1 || n > 4 || len(sof) < 6+3*n {
		return pixels * 3
	}
	area, most := 0, 1
	for c := range n {
		hv := sof[7+3*c]
		h, v := int(hv>>4), int(hv&15)
		area += h * v
		most = max(most, h*v)
	}
	samples := pixels * area / most
	bytes := samples
	if progressive {
		bytes += 4 * samples // every coefficient is kept until the last scan
	}
	if n == 4 || n == 3 && (plain || sof[6] == 'R' && sof[9] == 'G' && sof[12] == 'B') {
		bytes += 4 * pixels // written anew as CMYK or RGBA
	}
	return bytes
}
