# SPDX-License-Identifier: GPL-2.0-only
#
# The plots of the experiment, of what hvboots/experiment.py writes beside its CSV:
#
#   gnuplot -e "data='FILE.dat'; output='FILE.svg'; plot_of='share'" experiment.gp
#
# Black and white: who it is shows by the pattern of a bar. A line on a bar goes from the
# least to the most of all runs.

set terminal svg noenhanced size 1000,680 font "sans-serif,13" background "white"
set output output
set style data histograms
set style histogram errorbars gap 2 linewidth 1
set style fill pattern border lc rgb "black"
set boxwidth 0.9
set bars 0.5
set xtics nomirror
set ytics nomirror
set grid ytics lc rgb "#cccccc"
set key outside top center horizontal
set border 3

# Columns: control; mean, least and most of a process, under integrated, under core.
# Patterns: empty, hatched, full.
pattern(i) = i == 1 ? 0 : i == 2 ? 4 : 3

set multiplot layout 2,1
if (plot_of eq "share") {
	set yrange [0:110]
	set ylabel "per cent of a CPU"
	set title "Two that spin: what a got"
	plot for [i=1:3] data index 0 using 3*i-1:3*i:3*i+1:xtic(1) \
		title word("process integrated core", i) lc rgb "black" fs pattern pattern(i)
	set title "... and what b got"
	unset key
	plot for [i=1:3] data index 1 using 3*i-1:3*i:3*i+1:xtic(1) \
		notitle lc rgb "black" fs pattern pattern(i)
} else {
	set yrange [0:*]
	set ylabel "answers a second"
	set title "A timer of 100 a second beside one that spins: how often a answered"
	plot for [i=1:3] data index 3 using 3*i-1:3*i:3*i+1:xtic(1) \
		title word("process integrated core", i) lc rgb "black" fs pattern pattern(i)
	set title "... and how late: 95 per cent were earlier"
	set ylabel "microseconds"
	set logscale y
	set yrange [10:*]
	unset key
	plot for [i=1:3] data index 4 using 3*i-1:3*i:3*i+1:xtic(1) \
		notitle lc rgb "black" fs pattern pattern(i)
}
unset multiplot
