package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Subscription is a product that the tenant has bought, with its seats. https://learn.microsoft.com/en-us/graph/api/resources/subscribedsku
type Subscription struct {
	SKU       string `yaml:"sku" json:"sku"`         // skuId
	Part      string `yaml:"part" json:"part"`       // skuPartNumber: "ENTERPRISEPREMIUM"
	Seats     int    `yaml:"seats" json:"seats"`     // prepaidUnits.enabled
	Warning   int    `yaml:"warning" json:"warning"` // in their grace period; they can be given as well
	Suspended int    `yaml:"suspended" json:"suspended"`
	Status    string `yaml:"status" json:"status"`   // capabilityStatus; "" is Enabled
	Company   bool   `yaml:"company" json:"company"` // applies to the company, nobody is given one
	Plans     []Plan `yaml:"plans" json:"plans"`
}

// Plan is one service of a product.
type Plan struct {
	ID       string   `yaml:"id" json:"id"`     // servicePlanId
	Name     string   `yaml:"name" json:"name"` // "EXCHANGE_S_ENTERPRISE"
	Company  bool     `yaml:"company" json:"company"`
	Needs    []string `yaml:"needs" json:"needs"`       // ids of plans, one of which must be there as well
	Excludes []string `yaml:"excludes" json:"excludes"` // ids of plans that nobody can have beside this one
	Places   []string `yaml:"places" json:"places"`     // the only usage locations; none: everywhere
}

// readSubscriptions checks the products of an organization file.
func readSubscriptions(list []Subscription) ([]Subscription, error) {
	out := slices.Clone(list)
	for i := range out {
		s := &out[i]
		if s.SKU = strings.ToLower(s.SKU); !isGUID(s.SKU) || s.Part == "" {
			return nil, fmt.Errorf("subscription %q: it needs a sku (GUID) and a part (its part number)", s.Part)
		}
		if slices.ContainsFunc(out[:i], func(x Subscription) bool { return x.SKU == s.SKU }) {
			return nil, fmt.Errorf("subscription %q: its sku is there twice", s.Part)
		}
		s.Plans = slices.Clone(s.Plans)
		for j := range s.Plans {
			p := &s.Plans[j]
			if p.ID = strings.ToLower(p.ID); !isGUID(p.ID) {
				return nil, fmt.Errorf("subscription %q: %q is no id of a plan", s.Part, p.ID)
			}
			p.Needs, p.Excludes = lower(p.Needs), lower(p.Excludes)
		}
		if s.Status == "" {
			s.Status = "Enabled"
		}
	}
	return out, nil
}

func lower(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.ToLower(s)
	}
	return out
}

// sku finds a product by its id.
func (t *tenant) sku(id string) *Subscription {
	for i := range t.skus {
		if strings.EqualFold(t.skus[i].SKU, id) {
			return &t.skus[i]
		}
	}
	return nil
}

// plan finds a service plan in any product.
func (t *tenant) plan(id string) *Plan {
	for i := range t.skus {
		for j := range t.skus[i].Plans {
			if t.skus[i].Plans[j].ID == id {
				return &t.skus[i].Plans[j]
			}
		}
	}
	return nil
}

// used counts the seats of each product that people take. Whoever is deleted takes none. Call with Emulator.mu held for writing.
func (t *tenant) used() map[string]int {
	if t.seats == nil {
		t.seats = map[string]int{}
		for _, u := range t.dir.users.list {
			for _, sku := range skusOf(u.rec) {
				t.seats[sku]++
			}
		}
	}
	return t.seats
}

// skusOf are the ids of the products that a person has.
func skusOf(r record) []string {
	j := r.get(pLicenses)
	if j == "" {
		return nil
	}
	var list []license
	_ = json.Unmarshal([]byte(j), &list) // encoded here
	out := make([]string, len(list))
	for i, a := range list {
		out[i] = strings.ToLower(a.SKU)
	}
	return out
}

var skuNames = []string{"accountId", "accountName", "appliesTo", "capabilityStatus", "consumedUnits", "id", "prepaidUnits", "servicePlans", "skuId", "skuPartNumber", "subscriptionIds"}

// readSKUs may read the products: https://learn.microsoft.com/en-us/graph/api/subscribedsku-list
var readSKUs = []string{
	"LicenseAssignment.Read.All", "LicenseAssignment.ReadWrite.All", "Organization.Read.All", "Organization.ReadWrite.All",
	"Directory.Read.All", "Directory.ReadWrite.All",
}

// subscribedSkus: https://learn.microsoft.com/en-us/graph/api/subscribedsku-list and subscribedsku-get
func (c *call) subscribedSkus() error {
	if err := c.method(http.MethodGet); err != nil {
		return err
	}
	if len(c.seg) > 2 {
		return c.unknown(c.seg[2])
	}
	if !c.p.holds(readSKUs...) && !c.p.asUser() || c.guest {
		return denied()
	}
	fragment, err := c.chosen("subscribedSkus", "subscribedSku", skuNames)
	if err != nil {
		return err
	}
	for _, option := range []string{"$filter", "$search", "$orderby", "$top", "$skiptoken", "$expand"} {
		if c.q.has[option] { // the page names $select alone; words: https://github.com/microsoftgraph/microsoft-graph-docs/issues/5922
			return unsupportedQuery("Filtered searches against this resource are not supported.")
		}
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	if len(c.seg) == 2 {
		for i := range c.t.skus {
			if id := c.t.id + "_" + c.t.skus[i].SKU; strings.EqualFold(id, c.seg[1]) {
				return c.send(http.StatusOK, append(c.appendSKU(c.context(nil, fragment+"/$entity"), &c.t.skus[i]), '}'))
			}
		}
		return notThere(c.seg[1])
	}
	return c.sendPage(len(c.t.skus), fragment, func(b []byte, i int) []byte { return c.appendSKU(b, &c.t.skus[i]) })
}

// appendSKU writes a product without its braces.
func (c *call) appendSKU(b []byte, s *Subscription) []byte {
	applies := "User"
	if s.Company {
		applies = "Company"
	}
	units, _ := json.Marshal(map[string]int{"enabled": s.Seats, "suspended": s.Suspended, "warning": s.Warning, "lockedOut": 0}) // numbers
	values := []string{
		text(c.t.id), text(c.t.name), text(applies), text(s.Status), fmt.Sprint(c.t.used()[s.SKU]), text(c.t.id + "_" + s.SKU), string(units),
		string(appendPlans(nil, s, nil)), text(s.SKU), text(s.Part), "[]",
	}
	members := make([]field, len(values))
	for i, v := range values {
		members[i] = field{i, v}
	}
	return pickFrom(b, skuNames, members, c.q.selects)
}

// appendPlans writes the services of a product; disabled ones are said to be so.
func appendPlans(b []byte, s *Subscription, disabled []string) []byte {
	b = append(b, '[')
	for i, p := range s.Plans {
		if i > 0 {
			b = append(b, ',')
		}
		status, applies := "Success", "User"
		if slices.Contains(disabled, p.ID) {
			status = "Disabled"
		}
		if p.Company {
			applies = "Company"
		}
		b = appendText(append(b, `{"servicePlanId":`...), p.ID)
		b = appendText(append(b, `,"servicePlanName":`...), p.Name)
		b = appendText(append(b, `,"provisioningStatus":`...), status)
		b = append(appendText(append(b, `,"appliesTo":`...), applies), '}')
	}
	return append(b, ']')
}

// licenseDetails: https://learn.microsoft.com/en-us/graph/api/user-list-licensedetails
func (c *call) licenseDetails(key string) error {
	if err := c.method(http.MethodGet); err != nil {
		return err
	}
	c.e.mu.RLock()
	defer c.e.mu.RUnlock()
	u, err := c.find(key)
	if err != nil {
		return err
	}
	own := c.p.self(u) && c.p.holds("User.Read", "User.ReadWrite")
	if !own && !c.p.holds("LicenseAssignment.Read.All", "LicenseAssignment.ReadWrite.All", "User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All") && !c.p.asUser() {
		return denied()
	}
	names := []string{"id", "servicePlans", "skuId", "skuPartNumber"}
	set, err := c.chosen("users('"+u.id+"')/licenseDetails", "licenseDetails", names)
	if err != nil {
		return err
	}
	var list []license
	if j := u.rec.get(pLicenses); j != "" {
		_ = json.Unmarshal([]byte(j), &list) // encoded here
	}
	list = slices.DeleteFunc(list, func(a license) bool { return c.t.sku(a.SKU) == nil })
	return c.sendPage(len(list), set, func(b []byte, i int) []byte {
		s := c.t.sku(list[i].SKU)
		members := []field{{0, text(detailID(u.id, s.SKU))}, {1, string(appendPlans(nil, s, list[i].Disabled))}, {2, text(s.SKU)}, {3, text(s.Part)}}
		return pickFrom(b, names, members, c.q.selects)
	})
}

// detailID names a license of a person; its form is not documented.
func detailID(user, sku string) string {
	return strings.ReplaceAll(user, "-", "") + strings.ReplaceAll(sku, "-", "")
}
