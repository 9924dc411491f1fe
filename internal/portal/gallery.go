package portal

import (
	"net/http"

	"nameplate/internal/fail"
	"nameplate/internal/web"
)

func (p *Portal) gallery(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	return p.show(w, v, http.StatusOK, "gallery", p.page(r, v, "", fail.T("Gallery"), nil))
}

func (p *Portal) galleryState(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	return web.Refuse(http.StatusNotFound)
}
