package backend

import "context"

// pageSize is how many entries a Pager hands on at once.
const pageSize = 1000

// Pager hands the entries of a listing that are found one by one to the page
// function of List.
type Pager struct {
	Refusal error // what page returned

	ctx     context.Context
	page    func([]Entry) error
	entries []Entry
}

// NewPager collects entries for page until ctx is done.
func NewPager(ctx context.Context, page func([]Entry) error) Pager {
	return Pager{ctx: ctx, page: page}
}

// Add takes one more entry.
func (p *Pager) Add(e Entry) error {
	if p.entries == nil {
		p.entries = make([]Entry, 0, pageSize)
	}
	if p.entries = append(p.entries, e); len(p.entries) == pageSize {
		return p.Flush()
	}
	return nil
}

// Flush hands on what there is; page may keep it.
func (p *Pager) Flush() error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	if len(p.entries) == 0 {
		return nil
	}
	entries := p.entries
	p.entries = nil
	p.Refusal = p.page(entries)
	return p.Refusal
}
