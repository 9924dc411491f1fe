package portal

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// accent is the one color of an installation, made fit for light and dark surfaces: at least 4.5:1 as text on them, and a text
// color of its own on top.
type accent struct {
	light, lightText, dark, darkText rgb
}

type rgb struct{ r, g, b float64 } // 0 to 1, sRGB

// Surfaces of app.css, the least favorable ones.
var (
	lightSurface = rgb{0xf2 / 255.0, 0xf4 / 255.0, 0xf7 / 255.0}
	darkSurface  = rgb{0x24 / 255.0, 0x2b / 255.0, 0x36 / 255.0}
	white        = rgb{1, 1, 1}
	black        = rgb{0x0b / 255.0, 0x0f / 255.0, 0x14 / 255.0}
)

func newAccent(hex string) (accent, error) {
	if hex == "" {
		hex = "#2456c7"
	}
	c, err := parseHex(hex)
	if err != nil {
		return accent{}, err
	}
	a := accent{light: c, dark: c}
	for i := 0; i < 100 && contrast(a.light, lightSurface) < 4.6; i++ {
		a.light = a.light.mix(black, 0.04)
	}
	for i := 0; i < 100 && contrast(a.dark, darkSurface) < 4.6; i++ {
		a.dark = a.dark.mix(white, 0.04)
	}
	a.lightText, a.darkText = on(a.light), on(a.dark)
	return a, nil
}

func on(c rgb) rgb {
	if contrast(white, c) >= 4.5 {
		return white
	}
	return black
}

func (a accent) css() []byte {
	return fmt.Appendf(nil, ":root{--accent:light-dark(%s,%s);--on-accent:light-dark(%s,%s)}\n", a.light, a.dark, a.lightText, a.darkText)
}

func parseHex(s string) (rgb, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "#"), 16, 32)
	if err != nil || len(s) != 7 || s[0] != '#' {
		return rgb{}, fmt.Errorf("portal: accent %q is not a color like #2456c7", s)
	}
	return rgb{float64(n>>16) / 255, float64(n>>8&0xff) / 255, float64(n&0xff) / 255}, nil
}

func (c rgb) String() string {
	part := func(f float64) int { return int(math.Round(f * 255)) }
	return fmt.Sprintf("#%02x%02x%02x", part(c.r), part(c.g), part(c.b))
}

func (c rgb) mix(d rgb, share float64) rgb {
	m := func(a, b float64) float64 { return a*(1-share) + b*share }
	return rgb{m(c.r, d.r), m(c.g, d.g), m(c.b, d.b)}
}

// luminance and contrast are those of WCAG 2.2.
func (c rgb) luminance() float64 {
	lin := func(f float64) float64 {
		if f <= 0.04045 {
			return f / 12.92
		}
		return math.Pow((f+0.055)/1.055, 2.4)
	}
	return 0.2126*lin(c.r) + 0.7152*lin(c.g) + 0.0722*lin(c.b)
}

func contrast(a, b rgb) float64 {
	x, y := a.luminance(), b.luminance()
	if x < y {
		x, y = y, x
	}
	return (x + 0.05) / (y + 0.05)
}

var logoNames = []string{"logo.png", "logo.svg"}

func logoName(b []byte) (string, error) {
	switch {
	case len(b) > 64<<10:
		return "", fmt.Errorf("portal: the logo has %d bytes; it may have 65,536", len(b))
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		return "logo.png", nil
	case bytes.Contains(b[:min(len(b), 1024)], []byte("<svg")):
		// Shown by <img> only, where a script in it does not run.
		return "logo.svg", nil
	}
	return "", fmt.Errorf("portal: the logo is neither a PNG nor an SVG")
}
