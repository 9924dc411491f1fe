package store

import (
	"context"
	"database/sql/driver"
	"errors"

	sqlitedrv "modernc.org/sqlite"
)

// maxPrepared is how many statements a connection keeps ready. The package has about fifty.
const maxPrepared = 200

// lite makes connections that keep their statements ready: SQLite spends more time on reading the text of a statement of ours than on
// doing what it says.
type lite struct{ dsn string }

func (l lite) Driver() driver.Driver { return &sqlitedrv.Driver{} }

// Connect implements driver.Connector.
func (l lite) Connect(context.Context) (driver.Conn, error) {
	c, err := (&sqlitedrv.Driver{}).Open(l.dsn)
	if err != nil {
		return nil, err
	}
	able, ok := c.(liteConn)
	if !ok {
		return nil, errors.Join(errors.New("the SQLite driver has changed"), c.Close())
	}
	return &preparing{liteConn: able, ready: map[string]*readyStmt{}}, nil
}

type liteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type liteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// preparing is one connection; database/sql uses it from one goroutine at a time.
type preparing struct {
	liteConn
	ready map[string]*readyStmt
}

type readyStmt struct {
	liteStmt
	busy bool // its rows are being read
}

// statement is one that is ready for q, or nil when q is to be sent as it is: without parameters it may be a script, and a statement
// whose rows are being read cannot begin again.
func (p *preparing) statement(ctx context.Context, q string, args []driver.NamedValue) (*readyStmt, error) {
	if len(args) == 0 {
		return nil, nil
	}
	if s := p.ready[q]; s != nil {
		if s.busy {
			return nil, nil
		}
		return s, nil
	}
	if len(p.ready) >= maxPrepared {
		return nil, nil
	}
	made, err := p.PrepareContext(ctx, q)
	if err != nil {
		return nil, err
	}
	able, ok := made.(liteStmt)
	if !ok {
		return nil, errors.Join(errors.New("the SQLite driver has changed"), made.Close())
	}
	s := &readyStmt{liteStmt: able}
	p.ready[q] = s
	return s, nil
}

// ExecContext implements driver.ExecerContext.
func (p *preparing) ExecContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	s, err := p.statement(ctx, q, args)
	switch {
	case err != nil:
		return nil, err
	case s == nil:
		return p.liteConn.ExecContext(ctx, q, args)
	}
	return s.ExecContext(ctx, args)
}

// QueryContext implements driver.QueryerContext.
func (p *preparing) QueryContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := p.statement(ctx, q, args)
	switch {
	case err != nil:
		return nil, err
	case s == nil:
		return p.liteConn.QueryContext(ctx, q, args)
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	s.busy = true
	return &readyRows{rows, s}, nil
}

// Close implements driver.Conn.
func (p *preparing) Close() error {
	var errs []error
	for _, s := range p.ready {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, p.liteConn.Close())...)
}

type readyRows struct {
	driver.Rows
	of *readyStmt
}

// Close implements driver.Rows.
func (r *readyRows) Close() error {
	r.of.busy = false
	return r.Rows.Close()
}
