package web

import (
	"html/template"
	"reflect"
	"slices"
	"strings"
	"text/template/parse"
)

// fold writes into a page's templates what their fixed functions say of fixed words: in one language a label is always the same, and
// most of the time that a page takes would go into saying its labels again. A partial that is nothing but such a function of what it
// is given is folded where it is given a word. What a function says is text unless its type says that it is markup, and is escaped for an
// element or a quoted attribute, the only places where views have them; behind a bare "=" nothing is folded.
func fold(t *template.Template, funcs template.FuncMap, fixed []string) error {
	f := folding{t, funcs, fixed}
	for _, part := range t.Templates() {
		if part.Tree != nil {
			if err := f.list(part.Tree.Root); err != nil {
				return err
			}
		}
	}
	return nil
}

type folding struct {
	page  *template.Template
	funcs template.FuncMap
	fixed []string
}

func (f folding) list(l *parse.ListNode) error {
	if l == nil {
		return nil
	}
	var out []parse.Node
	for _, n := range l.Nodes {
		bare := false
		if len(out) > 0 {
			before, ok := out[len(out)-1].(*parse.TextNode)
			bare = ok && strings.HasSuffix(strings.TrimRight(string(before.Text), " \t\r\n"), "=")
		}
		text, ok, err := f.node(n)
		if err != nil {
			return err
		}
		if ok && !bare {
			n = &parse.TextNode{NodeType: parse.NodeText, Pos: n.Position(), Text: []byte(text)}
		}
		if here, ok := n.(*parse.TextNode); ok && len(out) > 0 {
			if before, ok := out[len(out)-1].(*parse.TextNode); ok {
				out[len(out)-1] = &parse.TextNode{NodeType: parse.NodeText, Pos: before.Pos, Text: slices.Concat(before.Text, here.Text)}
				continue
			}
		}
		out = append(out, n)
	}
	l.Nodes = out
	return nil
}

// node is what a node always says, and false when that depends; what is inside of it is folded.
func (f folding) node(n parse.Node) (text string, ok bool, err error) {
	var b *parse.BranchNode
	switch n := n.(type) {
	case *parse.ActionNode:
		return f.call(n.Pipe, nil)
	case *parse.TemplateNode:
		if n.Pipe == nil || len(n.Pipe.Cmds) != 1 || len(n.Pipe.Cmds[0].Args) != 1 {
			return "", false, nil
		}
		word, isWord := n.Pipe.Cmds[0].Args[0].(*parse.StringNode)
		part := f.page.Lookup(n.Name)
		if !isWord || part == nil || part.Tree == nil || len(part.Tree.Root.Nodes) != 1 {
			return "", false, nil
		}
		if only, is := part.Tree.Root.Nodes[0].(*parse.ActionNode); is {
			return f.call(only.Pipe, word)
		}
		return "", false, nil
	case *parse.IfNode:
		b = &n.BranchNode
	case *parse.WithNode:
		b = &n.BranchNode
	case *parse.RangeNode:
		b = &n.BranchNode
	default:
		return "", false, nil
	}
	if err := f.list(b.List); err != nil {
		return "", false, err
	}
	return "", false, f.list(b.ElseList)
}

// call is what a fixed function says of words; dot is the word that "." stands for, nil where it stands for what only a request knows.
func (f folding) call(p *parse.PipeNode, dot *parse.StringNode) (text string, ok bool, err error) {
	if len(p.Decl) > 0 || len(p.Cmds) != 1 {
		return "", false, nil
	}
	args := p.Cmds[0].Args
	name, is := args[0].(*parse.IdentifierNode)
	if !is || len(args) < 2 || !slices.Contains(f.fixed, name.Ident) {
		return "", false, nil
	}
	var words []reflect.Value
	for _, a := range args[1:] {
		if _, is := a.(*parse.DotNode); is && dot != nil {
			a = dot
		}
		word, is := a.(*parse.StringNode)
		if !is {
			return "", false, nil
		}
		words = append(words, reflect.ValueOf(word.Text))
	}
	said := reflect.ValueOf(f.funcs[name.Ident]).Call(words)
	if len(said) > 1 && !said[1].IsNil() {
		return "", false, said[1].Interface().(error)
	}
	if markup, is := said[0].Interface().(template.HTML); is {
		return string(markup), true, nil
	}
	return template.HTMLEscapeString(said[0].String()), true, nil
}
