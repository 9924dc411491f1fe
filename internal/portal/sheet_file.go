package portal

import (
	"bytes"
	"net/http"
	"strconv"
	"time"

	"nameplate/internal/directory"
	"nameplate/internal/sheet"
	"nameplate/internal/web"
)

// Files that are sent: empty templates, exports, what did not arrive, and the pictures that a plan would set.

// template sends an empty table to fill in.
func (p *Portal) template(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	q := r.URL.Query()
	rows, ok := sheet.Template(q.Get("format"), p.props)
	if !ok {
		return wrong("format")
	}
	return p.sendSheet(w, q.Get("as"), "template-"+q.Get("format"), func(to sheet.Writer) error {
		for _, row := range rows {
			if err := to.Row(row); err != nil {
				return err
			}
		}
		return nil
	})
}

// rowPhoto is the picture that a row would set.
func (p *Portal) rowPhoto(w http.ResponseWriter, r *http.Request, v *web.Visit) error {
	n, err := strconv.Atoi(r.PathValue("number"))
	if err != nil {
		return web.Refuse(http.StatusNotFound)
	}
	jpeg, err := p.Bulk.Picture(r.Context(), v.Actor(), v.Session.Ref.Tenant, r.PathValue("id"), n)
	if err != nil {
		return err
	}
	return sendPhoto(w, directory.Photo{Data: jpeg})
}

// sendSheet sends a spreadsheet, whole, so that a failure is no half file.
func (p *Portal) sendSheet(w http.ResponseWriter, as, name string, write func(sheet.Writer) error) error {
	b, kind, ext, err := written(as, write)
	if err != nil {
		return err
	}
	return sendFile(w, kind, name+"-"+p.Now().UTC().Format(time.DateOnly)+ext, b)
}

// written is a spreadsheet in one of the two kinds.
func written(as string, write func(sheet.Writer) error) (file []byte, kind, ext string, err error) {
	var b bytes.Buffer
	var to sheet.Writer
	kind, ext = "text/csv; charset=utf-8", ".csv"
	switch as {
	case "", "csv":
		to = sheet.NewCSV(&b)
	case "xlsx":
		kind, ext = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx"
		to, err = sheet.NewXLSX(&b, "Nameplate")
	default:
		err = wrong("as")
	}
	if err == nil {
		err = write(to)
	}
	if err == nil {
		err = to.Close()
	}
	return b.Bytes(), kind, ext, err
}
