#!/usr/bin/env python3
"""Draws kernels.png: what each stage of direct32 leaves of a matrix, and how matrices lie in a vector. Needs gnuplot."""

import os
import subprocess

N, B = 24, 4
HERE = os.path.dirname(os.path.abspath(__file__))
RED, BLUE, GREY = "#b2182b", "#2166ac", "#bdbdbd"


def dense(i, j):
    return BLUE


def halfway(i, j):
    """After two of the six steps: band behind, untouched rest ahead, the panel of now in red."""
    done = 2 * B
    if i < done:
        return GREY if i <= j <= i + B and j < done + B else None
    if j < done:
        return None
    return RED if j < done + B or i < done + B else BLUE


def band(i, j):
    return BLUE if i <= j <= i + B else None


def chased(i, j):
    """Seven rows are bidiagonal; a bulge is under way."""
    if i < 7:
        return GREY if i <= j <= i + 1 else None
    bulge = 11
    if bulge <= i < bulge + B and bulge <= j < bulge + 2 * B and not i <= j <= i + B:
        return RED
    return BLUE if i <= j <= i + B else None


def bidiagonal(i, j):
    return BLUE if i <= j <= i + 1 else None


PANELS = ((dense, "n x n attention", "as stored"), (halfway, "dense to band", "fp32: 8/3 n^3 flops"), (band, "band", "4, 8 or 16 wide"),
          (chased, "band to bidiagonal", "fp64: bulges chased"), (bidiagonal, "bidiagonal", "fp64: root-free QL"))


def squares(panel, left, top, size):
    return [f"set object rectangle from {left + j * size},{top - i * size} to {left + (j + 1) * size},{top - (i + 1) * size} fc rgb '{colour}' fs solid 1 noborder"
            for i in range(N) for j in range(N) if (colour := panel(i, j))]


def label(text, x, y, size=15):
    return f"set label '{text}' at {x},{y} center font 'sans,{size}'"


def vector(rows, matrices, left, top, title):
    """Sixteen lanes: row * matrices + matrix."""
    lines, shades = [], ("#2166ac", "#b2182b", "#1b7837", "#762a83")
    for lane in range(16):
        x = left + lane * 1.15
        lines.append(f"set object rectangle from {x},{top} to {x + 1.05},{top - 1.5} fc rgb '{shades[lane % matrices]}' fs solid 0.8 noborder")
        lines.append(f"set label '{lane // matrices}' at {x + .52},{top - .78} center font 'sans,11' tc rgb 'white'")
    lines.append(f"set label '{title}' at {left},{top + .9} left font 'sans,14'")
    return lines


def main():
    lines = ["set terminal pngcairo size 1600,640 font 'sans,15' noenhanced", f"set output '{HERE}/kernels.png'", "unset border", "unset tics", "unset key",
             "set xrange [-1:81]", "set yrange [-12:21]", "set margins 0,0,0,0"]
    for p, (panel, title, how) in enumerate(PANELS):
        left = p * 16.6
        lines += [f"set object rectangle from {left - .2},{14.6} to {left + 12.2},{2.2} fs empty border rgb '#999999'"] + squares(panel, left, 14.4, .5)
        lines += [label(title, left + 6, 17.2, 17), label(how, left + 6, .6, 14)]
        if p:
            lines.append(f"set arrow from {left - 3.6},8.4 to {left - 1},8.4 head filled size .8,20 lw 2 lc rgb '#555555'")
    lines += vector(4, 4, 0, -5, "n up to 256: four rows of four matrices")
    lines += vector(8, 2, 28, -5, "up to 1024: eight rows of two matrices")
    lines += vector(16, 1, 56, -5, "beyond: sixteen rows of one matrix")
    lines += [label("In a vector of sixteen floats: the number is the row, the colour the matrix. The stages in fp64 have one matrix in each of eight lanes.", 40, -9.6, 14), "plot NaN"]
    subprocess.run(["gnuplot"], input="\n".join(lines) + "\n", text=True, check=True)


if __name__ == "__main__":
    main()
