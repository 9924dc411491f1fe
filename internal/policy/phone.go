package policy

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// nationalDigits are the countries' calling codes, and before them how many digits may follow: the numbering plans that ITU-T publishes, as
// libphonenumber 9 sums them up. A test compares the table with that library, which itself would be a fifth of a portal's start
// (docs/decisions/0019-telephone-numbers-by-length.md).
const nationalDigits = `
4,7: 683
4-5: 290
4-7,10: 98
4-7: 690
4-11: 352
4-13: 43 598
4-15: 49
5,7: 676 677 678
5,8: 47 686
5-6,8-14: 82
5-6: 247
5-7,10: 685
5-7: 688
5-8: 386
5-9,11: 852
5-10,12: 61
5-10: 27 64 263
5-11: 31
5-12: 358 971
5: 500 682
6,8-9: 376 689
6,8-13: 63
6,9: 40 508 681
6-7,9: 421
6-7: 597
6-8,10: 53
6-9,12: 359
6-9: 252 355
6-10,12: 46
6-10: 48 95 880
6-11: 375 595
6-12: 39 381
6: 298 299 672 687
7,9-10: 44
7,9: 245 265 354 423
7,10,12-13: 90
7,10: 960
7,11: 501 679
7-8,10-11: 507
7-8,10: 230 267 372
7-8,11: 503
7-8: 241 599 670 675 853 961 965 975
7-9,11: 974
7-9: 231 385 967 968
7-10: 84 243 254 353
7-11: 886
7-12: 86 882 972
7-17: 62
7: 220 238 239 246 248 269 291 297 592 673 674 680 691 692
8,10-11: 57 65 977
8,10: 229 378 506 850
8,11: 502 504
8-9: 32 36 51 213 224 233 237 250 258 264 268 377 382 387 591 962 963
8-10,13: 66
8-10: 20 60 855 856 964 970 976
8-11: 55 593
8-12: 92 383 883
8-13: 91
8-17: 81
8: 45 216 222 223 226 227 228 232 235 236 253 257 266 350 356 357 370 371 373 374 389 505 509 800 808 973 993
9,12: 41 870
9-10: 380 881 966 996
9-11: 56
9-12: 420
9: 33 34 93 94 211 212 218 221 240 242 244 249 251 255 256 260 261 262 351 590 594 596 979 992 994 995 998
10,14: 7
10-11: 54
10-12: 30
10-14: 234
10: 1 52 58 225
11: 888
12: 878
`

// callingCodes are the lengths that may follow a calling code: bit n for n digits.
var callingCodes = sync.OnceValue(func() map[string]uint32 {
	codes := map[string]uint32{}
	for line := range strings.Lines(strings.TrimSpace(nationalDigits)) {
		spans, members, _ := strings.Cut(line, ":")
		var lengths uint32
		for span := range strings.SplitSeq(spans, ",") {
			first, last, more := strings.Cut(span, "-")
			if !more {
				last = first
			}
			from, _ := strconv.Atoi(first)
			to, _ := strconv.Atoi(last)
			for n := from; n <= to; n++ {
				lengths |= 1 << n
			}
		}
		for _, code := range strings.Fields(members) {
			codes[code] = lengths
		}
	}
	return codes
})

// writtenPhone is + and digits, with what people put between them, and perhaps an extension: +49 (0)30 123-456 ext. 12.
var writtenPhone = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\+([\p{Nd}\p{Zs}\p{Pd}\p{Cf}./()\[\]~]+?)(?i:[ ,;]*(?:ext(?:n|ension)?|x|#)[ .:=]*\p{Nd}{1,7}#?)?$`)
})

// zeros begin the digits that people type: European, Arabic, Persian, wide.
var zeros = []rune{'0', '\u0660', '\u06f0', '\uff10'}

// international says whether s is a telephone number with + and a country's code, and as many digits as the country may use. The 0 that is
// dialed only inside a country may stand before the national number.
func international(s string) bool {
	m := writtenPhone().FindStringSubmatch(s)
	if m == nil {
		return false
	}
	digits := strings.Map(func(r rune) rune {
		for _, zero := range zeros {
			if r >= zero && r <= zero+9 {
				return '0' + r - zero
			}
		}
		return -1
	}, m[1])
	for n := 1; n <= 3 && n < len(digits); n++ {
		lengths, ok := callingCodes()[digits[:n]]
		if !ok {
			continue
		}
		national := digits[n:]
		return lengths&(1<<len(national)) != 0 || national[0] == '0' && lengths&(1<<(len(national)-1)) != 0
	}
	return false
}
