package lang

import (
	"bytes"
	"fmt"
	"sort"
	"time"
)

// x/text has no dates yet; these are CLDR's month and weekday names (ar: the names used in Egypt and the Gulf, CLDR root "ar").
var months = map[string][12]string{
	"en": {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
	"de": {"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
	"ar": {"يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو", "يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر"},
}

var weekdays = map[string][7]string{
	"en": {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
	"de": {"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
	"ar": {"الأحد", "الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت"},
}

// Month is the name of a month, 1 to 12.
func (p *Printer) Month(m int) string {
	if m < 1 || m > 12 {
		return ""
	}
	return months[p.Language.Code][m-1]
}

// Date is a day in words: "21 November 2026".
func (p *Printer) Date(t time.Time) string {
	t = t.In(p.Zone)
	return p.day(t)
}

// Day is a calendar day that has no time zone (a birthday): the day in UTC, in words.
func (p *Printer) Day(t time.Time) string { return p.day(t.UTC()) }

func (p *Printer) day(t time.Time) string {
	format := "%d %s %d"
	if p.Language.Code == "de" {
		format = "%d. %s %d"
	}
	return fmt.Sprintf(format, t.Day(), p.Month(int(t.Month())), t.Year())
}

// LongDate is a day with its weekday: "Saturday, 21 November 2026".
func (p *Printer) LongDate(t time.Time) string {
	t = t.In(p.Zone)
	comma := ", "
	if p.Language.Code == "ar" {
		comma = "، "
	}
	return weekdays[p.Language.Code][t.Weekday()] + comma + p.day(t)
}

// Clock is the time of day with its zone: "14:05 UTC".
func (p *Printer) Clock(t time.Time) string { return t.In(p.Zone).Format("15:04 MST") }

// Duration is a length of time in the largest unit that says enough: "30 seconds", "5 minutes", "2 hours", "3 days". It is
// rounded up, so that nobody comes too early.
func (p *Printer) Duration(d time.Duration) string {
	up := func(unit time.Duration) int { return int((d + unit - 1) / unit) }
	switch {
	case d <= 90*time.Second:
		return p.S("%d seconds", max(up(time.Second), 1))
	case d <= 90*time.Minute:
		return p.S("%d minutes", up(time.Minute))
	case d < 48*time.Hour:
		return p.S("%d hours", up(time.Hour))
	}
	return p.S("%d days", up(24*time.Hour))
}

func sortBy[E any](items []E, keys [][]byte) { sort.Stable(&byKey[E]{items, keys}) }

type byKey[E any] struct {
	items []E
	keys  [][]byte
}

func (b *byKey[E]) Len() int           { return len(b.items) }
func (b *byKey[E]) Less(i, j int) bool { return bytes.Compare(b.keys[i], b.keys[j]) < 0 }
func (b *byKey[E]) Swap(i, j int) {
	b.items[i], b.items[j] = b.items[j], b.items[i]
	b.keys[i], b.keys[j] = b.keys[j], b.keys[i]
}
