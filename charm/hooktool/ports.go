package hooktool

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// portRange is a range of ports, both ends included.
type portRange struct {
	first, last int
	protocol    string
}

// parsePorts reads what is written like "8443/tcp" or "20000-20999/tcp"; what is
// not, such as "icmp", is passed over.
func parsePorts(texts []string) []portRange {
	var list []portRange
	for _, text := range texts {
		ports, protocol, ok := strings.Cut(text, "/")
		first, last, isRange := strings.Cut(ports, "-")
		if !isRange {
			last = first
		}
		from, bad := strconv.Atoi(first)
		to, worse := strconv.Atoi(last)
		if ok && bad == nil && worse == nil {
			list = append(list, portRange{from, to, protocol})
		}
	}
	return list
}

func (r portRange) String() string {
	if r.first == r.last {
		return fmt.Sprintf("%d/%s", r.first, r.protocol)
	}
	return fmt.Sprintf("%d-%d/%s", r.first, r.last, r.protocol)
}

func (r portRange) contains(other portRange) bool {
	return r.protocol == other.protocol && r.first <= other.first && other.last <= r.last
}

// less is what of r is in none of the others, in order.
func (r portRange) less(others []portRange) []portRange {
	others = slices.SortedFunc(slices.Values(others), func(a, b portRange) int { return cmp.Compare(a.first, b.first) })
	var rest []portRange
	for _, o := range others {
		if o.protocol != r.protocol || o.last < r.first || o.first > r.last {
			continue
		}
		if o.first > r.first {
			rest = append(rest, portRange{r.first, o.first - 1, r.protocol})
		}
		r.first = o.last + 1
	}
	if r.first <= r.last {
		rest = append(rest, r)
	}
	return rest
}
