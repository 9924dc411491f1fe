package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"nameplate/graph"
	"nameplate/internal/app"
	"nameplate/internal/entra"
	"nameplate/internal/mirror"
	"nameplate/internal/store"
)

// What a Job can be.
const (
	Copy  = "copy"  // brings a copy up to date
	Read  = "read"  // reads what a copy needs, and keeps neither people nor members
	Plain = "plain" // reads people and managers by net/http and encoding/json, page by page
)

// Job is what runs in a process of its own, so that its memory and its time are nobody else's.
type Job struct {
	Do                   string
	Graph, Token, Tenant string
	Path                 string        // of the database
	Listing              string        // of Plain: the first page
	Ahead                time.Duration // the clock, before the wall's
	Rounds               int           // so often at most; 0 is once
}

// Outcome is what a job says of itself.
type Outcome struct {
	Peak      float64 // MiB
	Seconds   float64
	People    float64 // seconds until everybody was read
	PeopleCPU float64 // seconds of the processor until then
	Rows      int     // of Plain read, else written or, by Read, what would have been
	Rounds    int
}

// start runs the job by program.
func (j Job) start(ctx context.Context, program string) (Outcome, error) {
	in, err := json.Marshal(j)
	if err != nil {
		return Outcome{}, err
	}
	cmd := exec.CommandContext(ctx, program, "bench", "job") // #nosec G204 -- this program itself
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return Outcome{}, fmt.Errorf("%s: %w", j.Do, err)
	}
	var o Outcome
	if err := json.Unmarshal(out, &o); err != nil {
		return Outcome{}, fmt.Errorf("%s: %w", j.Do, err)
	}
	return o, nil
}

// Work does a job in this process.
func Work(ctx context.Context, j Job) (o Outcome, err error) {
	begun := app.Clock()
	switch j.Do {
	case Copy, Read:
		err = j.copy(ctx, begun, &o)
	case Plain:
		o.Rows, err = j.plain(ctx)
		o.People, o.PeopleCPU = app.Clock().Sub(begun).Seconds(), processor()
	}
	o.Seconds, o.Peak = app.Clock().Sub(begun).Seconds(), peak()
	return o, err
}

type minted string

func (m minted) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(m), ExpiresOn: app.Clock().Add(time.Hour)}, nil
}

// directory is the way to the emulator.
func (j Job) directory() (*entra.Directory, error) {
	c, err := graph.New(graph.Options{
		Endpoint: j.Graph, Credential: minted(j.Token), Now: app.Clock,
		NewID: func() string {
			b := make([]byte, 16)
			_, _ = rand.Read(b) // never fails
			return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
		},
	})
	return entra.New(entra.Options{Tenants: map[string]*graph.Client{j.Tenant: c}, Now: app.Clock}), err
}

// copy brings a copy up to date. Of Read only what is needed to go on is kept.
func (j Job) copy(ctx context.Context, begun time.Time, o *Outcome) error {
	now := func() time.Time { return app.Clock().Add(j.Ahead) }
	db, err := store.Open(ctx, store.Options{Path: j.Path, Now: now, Random: rand.Reader})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	dir, err := j.directory()
	if err != nil {
		return err
	}
	m := mirror.New(mirror.Config{
		Source: dir, Store: counted{db.Mirror(), &o.Rows, j.Do == Read}, Now: now,
		Progress: func(p mirror.Progress) {
			if p.What == "changes of people" && o.People == 0 {
				o.People, o.PeopleCPU = app.Clock().Sub(begun).Seconds(), processor()
			}
		},
	})
	for o.Rounds = 1; ; o.Rounds++ {
		if _, err = m.Sync(ctx, j.Tenant); err == nil || o.Rounds >= j.Rounds {
			return err
		}
	}
}

// counted counts rows that are written of people, groups, members and differences.
type counted struct {
	mirror.Store
	n    *int
	none bool // keep neither people nor members
}

// Commit implements mirror.Store.
func (s counted) Commit(ctx context.Context, tenant string, c mirror.Commit) (mirror.State, error) {
	*s.n += len(c.People) + len(c.Managers) + len(c.Groups) + len(c.Joined) + len(c.Left) + len(c.Events)
	if s.none {
		c.People, c.Managers, c.Joined, c.Left, c.Events = nil, nil, nil, nil, nil
	}
	return s.Store.Commit(ctx, tenant, c)
}

// plainUser is what a plain program would take of a person.
type plainUser struct {
	ID, UserPrincipalName, DisplayName, GivenName, Surname, JobTitle, Department, CompanyName, Mail, MailNickname          string
	MobilePhone, OfficeLocation, StreetAddress, PostalCode, City, State, Country, UsageLocation, PreferredLanguage         string
	EmployeeID, EmployeeType, EmployeeHireDate, FaxNumber, UserType, CreatedDateTime, OnPremisesImmutableID, PreferredMail string
	AccountEnabled                                                                                                         bool
	BusinessPhones, OtherMails, ProxyAddresses                                                                             []string
	AssignedLicenses                                                                                                       []struct{ SkuID string }
	Manager                                                                                                                struct{ ID string }
}

func (j Job) plain(ctx context.Context) (n int, err error) {
	for next := j.Graph + j.Listing; next != ""; {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, next, nil)
		if err != nil {
			return n, err
		}
		r.Header.Set("Authorization", "Bearer "+j.Token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return n, err
		}
		var page struct {
			Value []plainUser
			Next  string `json:"@odata.nextLink"`
		}
		err = json.NewDecoder(resp.Body).Decode(&page)
		if cerr := resp.Body.Close(); err == nil {
			err = cerr
		}
		if err != nil || resp.StatusCode != http.StatusOK {
			return n, fmt.Errorf("%s: %w", resp.Status, err)
		}
		n, next = n+len(page.Value), page.Next
	}
	return n, nil
}

// peak is the most memory that this process has had, in MiB; 0 where the system does not tell.
func peak() float64 {
	data, _ := os.ReadFile("/proc/self/status") // another system has none
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmHWM:" {
			kb, _ := strconv.ParseFloat(f[1], 64)
			return kb / 1024
		}
	}
	return 0
}

// processor is how long this process has computed, in seconds; 0 where the system does not tell.
func processor() float64 {
	data, _ := os.ReadFile("/proc/self/stat") // another system has none
	_, rest, _ := strings.Cut(string(data), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(f[11], 64)
	system, _ := strconv.ParseFloat(f[12], 64)
	return (user + system) / 100
}

// values are the texts in a person's properties.
func values(doc []byte) map[string]string {
	var all map[string]any
	_ = json.Unmarshal(doc, &all) // what the copy wrote
	out := map[string]string{}
	for name, v := range all {
		out[name], _ = v.(string)
	}
	return out
}
