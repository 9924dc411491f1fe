package schematest

import (
	"fmt"
	"regexp"
	"sync/atomic"
)

// exception is an answer that does not fit the schemas on purpose.
type exception struct {
	method, path string         // the operation as the schemas name it; "" is any
	says         *regexp.Regexp // what the comparison says of it
	why          string         // and the source of it
	met          atomic.Int64
}

// Deliberate lists the answers that do not fit the schemas on purpose, with why and how often they were given so far.
func Deliberate() []string {
	var out []string
	for i := range deliberate {
		d := &deliberate[i]
		out = append(out, fmt.Sprintf("%s (%d answers): %s", d.says, d.met.Load(), d.why))
	}
	return out
}

// meant says whether an answer differs on purpose.
func meant(method, template, what string) bool {
	for i := range deliberate {
		d := &deliberate[i]
		if (d.method == "" || d.method == method) && (d.path == "" || d.path == template) && d.says.MatchString(what) {
			d.met.Add(1)
			return true
		}
	}
	return false
}

// deliberate are all of them.
var deliberate = []exception{
	{
		says: regexp.MustCompile(`^\.error\.innerError: there is no status$`),
		why:  "the sample answer of a throttled request has it: https://learn.microsoft.com/en-us/graph/throttling#sample-response",
	},
	{
		method: "PATCH", path: "/groups/{group-id}", says: regexp.MustCompile(`^200 comes as ""$`),
		why: "200 without a body for what Exchange keeps: https://learn.microsoft.com/en-us/graph/api/group-update#response",
	},
	{
		says: regexp.MustCompile(`Microsoft's customSecurityAttributeValue has no `),
		why: "an open type, whose properties are the organization's attribute sets: " +
			"https://learn.microsoft.com/en-us/graph/api/resources/customsecurityattributevalue",
	},
	{
		says: regexp.MustCompile(`Microsoft's invitation has no invitedUser$`),
		why:  "a relationship that every invitation carries, left out of the slice: https://learn.microsoft.com/en-us/graph/api/invitation-post#response-1",
	},
	{
		says: regexp.MustCompile(`no emulatorUnknown$`),
		why:  "chaos adds a property that no client knows, as Microsoft announces that properties are added at any time: https://learn.microsoft.com/en-us/graph/versioning-and-support",
	},
	{
		says: regexp.MustCompile(`^404 comes as "text/plain; charset=utf-8"$`),
		why:  "a path of Graph asked of a sign-in host, which is no part of Graph",
	},
}
