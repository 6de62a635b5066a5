package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

const groupKey = "group"

// Group puts flags under a title in GroupedUsages. It panics on a flag that is not
// defined, which is a mistake of the program.
func Group(fs *pflag.FlagSet, title string, names ...string) {
	for _, name := range names {
		if err := fs.SetAnnotation(name, groupKey, []string{title}); err != nil {
			panic(err)
		}
	}
}

// GroupedUsages explains the flags under their titles, in the order of definition; those
// without a group come last, as "Other".
func GroupedUsages(fs *pflag.FlagSet) string {
	const other = "Other"
	groups := map[string]*pflag.FlagSet{}
	var order []string
	fs.VisitAll(func(f *pflag.Flag) {
		title := other
		if t := f.Annotations[groupKey]; len(t) > 0 {
			title = t[0]
		}
		if groups[title] == nil {
			groups[title] = pflag.NewFlagSet(title, pflag.ContinueOnError)
			groups[title].SortFlags = false
			if title != other {
				order = append(order, title)
			}
		}
		groups[title].AddFlag(f)
	})
	if groups[other] != nil {
		order = append(order, other)
	}
	var b strings.Builder
	for i, title := range order {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s:\n%s", title, groups[title].FlagUsages())
	}
	return b.String()
}
