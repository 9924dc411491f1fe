package portal

// What the parts of pages with lists are drawn from. Each has a partial of the same name in view/partial, its looks in
// asset/desk.css, and its states on /gallery/parts.

// navGroup is a part of the side navigation; a first group without a title is everybody's own.
type navGroup struct {
	Title string
	Items []navItem
}

// navItem is one place. Key is what page.Here says there; Icon is a symbol of asset/symbols.svg.
type navItem struct{ Key, Href, Icon, Label string }

// sortHead is the head of a column that sorts ("sort"): Way is aria-sort's word of the column that the list is sorted by,
// "ascending" or "descending"; Class is "figure" for numbers, "more" for what a phone leaves out.
type sortHead struct{ Label, Href, Way, Class string }

// pageLinks lead on in a list ("pages"); "" where there is nothing. A list that the
// directory hands out page by page has no way back but First. Says is which part of the list this is.
type pageLinks struct{ First, Previous, Next, Says string }

// filterView is a filter in force ("chosen"); Without is the address of the list without it.
type filterView struct{ Label, Value, Without string }

// tileView is one figure ("tile"). Tone: positive, caution, critical, quiet. Href is where Note leads.
type tileView struct{ Label, Figure, Note, Href, Tone string }

// progressView is work under way ("progress"): Done of Total; no Total while nobody knows. Count and Says are words: how many,
// how fast, how long still. Tone: info, positive, caution, critical.
type progressView struct {
	ID, Label, Count, Says, Tone string
	Done, Total                  int
}

// badgeView is a state in a word ("badge"). Tone: positive, info, caution, critical, quiet.
type badgeView struct{ Tone, Text string }

// emptyView is a list without anything in it ("empty"): why, and what to do about it.
type emptyView struct{ Icon, Title, Say, Href, Action string }

// tabView is one of several pages side by side, with how many things it holds.
type tabView struct {
	Label, Href, Count string
	Here               bool
}

// factView is one fact of a thing.
type factView struct{ Label, Value string }
