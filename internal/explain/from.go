package explain

import (
	"errors"

	"nameplate/graph"
)

// FromGraph is what an error of package graph tells. What is known besides is for the caller to add.
func FromGraph(err error, doing Doing) Answer {
	a := Answer{Doing: doing, Err: err}
	var e *graph.Error
	var b *graph.Fault
	switch {
	case errors.As(err, &e):
		a.Status, a.Code, a.Inner, a.Text, a.Claims, a.Ref = e.Status, e.Code, e.Inner, e.Message, e.Claims != "", e.RequestID
		for _, d := range e.Details {
			a.Codes = append(a.Codes, d.Code)
		}
	case errors.Is(err, graph.ErrForeign):
		a.Broken = "it led to another place"
	case errors.As(err, &b):
		a.Status, a.Broken, a.Ref = b.Status, b.What, b.RequestID
		if a.Numbers = Numbers(err.Error()); len(a.Numbers) > 0 { // the application's own token could not be had
			a.From, a.Doing = SignIn, Token
		}
	}
	return a
}
