package emulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Pages are the ways to spoil a page of a listing that Do.Page knows beside a number, which is the number of objects on it:
//
//	empty     no objects; the next link leads to the page that should have come
//	repeat    the next link leads to the same page once more
//	loop      the next link leads to the same page for ever
//	last      the listing ends here: there is no link, neither to a next page nor to the changes from now on
//	none      200, no objects and no next link, as if there were nothing
//	miscount  @odata.count says one too many
//	relative  the links have no scheme and host
//	long      the links are 50 kB long
func Pages() []string {
	return []string{"empty", "repeat", "loop", "last", "none", "miscount", "relative", "long"}
}

// links are the members of a page that lead on.
var links = []string{"@odata.nextLink", "@odata.deltaLink"}

// sanePage says what is wrong with Do.Page.
func sanePage(page string) error {
	if n, err := strconv.Atoi(page); page == "" || err == nil && n > 0 || slices.Contains(Pages(), page) {
		return nil
	}
	return fmt.Errorf("do.page is %q, not a number of objects or one of %s", page, strings.Join(Pages(), ", "))
}

// originOf is the scheme and host that Do.LinkHost names; without a scheme it is the request's.
func originOf(linkHost, scheme string) (*url.URL, error) {
	if !strings.Contains(linkHost, "://") {
		linkHost = scheme + "://" + linkHost
	}
	u, err := url.Parse(linkHost)
	if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" {
		return nil, fmt.Errorf("do.linkHost is %q, not a host or a scheme and host", linkHost)
	}
	return u, nil
}

// rearrange does to an answer what a rule says about pages and order. An answer that is no JSON object stays as it is.
func (e *Emulator) rearrange(do Do, r *http.Request, x *exchange, rec *recorded, rnd *rand.Rand) {
	var page map[string]json.RawMessage
	if do.Page == "" && do.LinkHost == "" && !do.Reorder || json.Unmarshal(rec.body.Bytes(), &page) != nil {
		return
	}
	if do.Reorder {
		shuffle(page, rnd)
	}
	if _, list := page["value"]; list {
		e.spoilPage(page, do.Page, r, x)
	}
	moved, err := originOf(do.LinkHost, strings.SplitN(addressOf(r), ":", 2)[0])
	for _, name := range links {
		var link string
		if json.Unmarshal(page[name], &link) != nil {
			continue
		}
		if u, bad := url.Parse(link); do.LinkHost != "" && err == nil && bad == nil {
			u.Scheme, u.Host = moved.Scheme, moved.Host
			link = u.String()
		}
		page[name] = appendText(nil, link)
	}
	rec.replace(page)
}

// shuffle brings the objects of a page, or the answers of a batch, into another order.
func shuffle(page map[string]json.RawMessage, rnd *rand.Rand) {
	for _, name := range []string{"value", "responses"} {
		var items []json.RawMessage
		if json.Unmarshal(page[name], &items) != nil || len(items) < 2 {
			continue
		}
		rnd.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
		page[name], _ = json.Marshal(items) // raw JSON that was just read
	}
}

func (e *Emulator) spoilPage(page map[string]json.RawMessage, how string, r *http.Request, x *exchange) {
	here := cmp.Or(x.again, addressOf(r)+r.URL.RequestURI())
	switch how {
	case "empty", "repeat":
		if how == "empty" {
			page["value"] = json.RawMessage("[]")
		}
		delete(page, "@odata.deltaLink")
		page["@odata.nextLink"] = appendText(nil, withParameter(here, "emulatorAgain="+x.id)) // another address than the one just read
	case "loop":
		delete(page, "@odata.deltaLink")
		page["@odata.nextLink"] = appendText(nil, here)
	case "last":
		delete(page, "@odata.nextLink")
		delete(page, "@odata.deltaLink")
	case "none":
		delete(page, "@odata.nextLink")
		page["value"] = json.RawMessage("[]")
	case "miscount":
		var n int
		if json.Unmarshal(page["@odata.count"], &n) == nil {
			page["@odata.count"] = strconv.AppendInt(nil, int64(n+1), 10)
		}
	case "relative", "long":
		for _, name := range links {
			var link string
			if json.Unmarshal(page[name], &link) != nil {
				continue
			}
			if how == "long" {
				link = withParameter(link, "emulatorLong="+strings.Repeat("x", 50_000))
			} else if u, err := url.Parse(link); err == nil {
				link = u.RequestURI()
			}
			page[name] = appendText(nil, link)
		}
	}
}

// withParameter adds a parameter that the service ignores.
func withParameter(link, parameter string) string {
	if strings.Contains(link, "?") {
		return link + "&" + parameter
	}
	return link + "?" + parameter
}
