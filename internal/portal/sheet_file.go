package portal

import (
	"bytes"
	"net/http"
	"time"

	"nameplate/internal/sheet"
	"nameplate/internal/web"
)

// Spreadsheets that are sent: empty templates, exports, and what did not arrive.

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
