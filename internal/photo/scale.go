package photo

import (
	"image"
	"image/draw"
)

// scale makes a picture of side pixels square from a square of src, on white: each new pixel is the mean of the area that it covers.
// It goes row by row, so it takes no more than the new picture and one row of the old.
func scale(src image.Image, square image.Rectangle, side int) *image.RGBA {
	n := square.Dx()
	out := image.NewRGBA(image.Rect(0, 0, side, side))
	row := image.NewRGBA(image.Rect(0, 0, n, 1))
	narrow, sum := make([]float32, 3*side), make([]float32, 3*side)
	ratio := float64(n) / float64(side)
	y := 0
	for at := range n {
		// Photos have no transparency: what is transparent becomes white.
		draw.Draw(row, row.Bounds(), image.White, image.Point{}, draw.Src)
		draw.Draw(row, row.Bounds(), src, image.Pt(square.Min.X, square.Min.Y+at), draw.Over)
		squeeze(narrow, row.Pix, n, side)
		end := float64(y+1) * ratio
		part := float32(min(1, end-float64(at)))
		add(sum, narrow, part)
		if float64(at+1) >= end-1e-6 {
			put(out.Pix[y*out.Stride:], sum, float32(ratio))
			clear(sum)
			add(sum, narrow, 1-part)
			y++
		}
		if y == side {
			break
		}
	}
	return out
}

// squeeze is one row of n pixels as one of side pixels.
func squeeze(into []float32, pix []uint8, n, side int) {
	clear(into)
	ratio := float64(n) / float64(side)
	x := 0
	for at := range n {
		end := float64(x+1) * ratio
		part := float32(min(1, end-float64(at)))
		p := pix[4*at : 4*at+3]
		for c := range 3 {
			into[3*x+c] += part * float32(p[c])
		}
		if float64(at+1) < end-1e-6 {
			continue
		}
		if x++; x == side {
			break
		}
		for c := range 3 {
			into[3*x+c] += (1 - part) * float32(p[c])
		}
	}
	for i := range into {
		into[i] /= float32(ratio)
	}
}

func add(sum, row []float32, part float32) {
	for i, v := range row {
		sum[i] += part * v
	}
}

func put(pix []uint8, sum []float32, ratio float32) {
	for i := 0; 3*i < len(sum); i++ {
		for c := range 3 {
			pix[4*i+c] = uint8(min(255, sum[3*i+c]/ratio+0.5))
		}
		pix[4*i+3] = 255
	}
}
