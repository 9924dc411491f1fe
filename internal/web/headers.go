package web

import "net/http"

// policy lets a page load scripts, styles and pictures from this site only, nothing inline, and be framed by nobody (A13, A43).
// blob: is for the picture that a person is cropping in the browser.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

const permissions = "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), publickey-credentials-get=(), screen-wake-lock=(), usb=(), xr-spatial-tracking=()"

// headers are on every answer, whatever it is; an asset replaces Cache-Control.
func (s *Site) headers(h http.Header, v *Visit) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	// Not no-referrer: under that policy a browser sends "Origin: null" with this site's own forms, and they would be refused.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", permissions)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Request-Id", v.ID)
	if s.secure {
		h.Set("Strict-Transport-Security", "max-age=63072000")
	}
}
