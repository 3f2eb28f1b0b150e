"""The exchange files: what they are, how they are read, checked against their structure, and written (formats.md).

formats/          every kind and version as a table of elements; overlays of regions; the canonical shape
structure_book    the official structure book Q018 as such tables, and how ours differ
names, numbering  names of packages, what is wrong with one, the next number
limits, zipdir, archive, measure, source
                  what may be opened at all: limits, ZIP, depth and sizes of XML, encodings, DOCTYPE
reader            a package: names, members, the files in it and the checks between them
parsing           one file, by whichever reader is faster and sure
strict            ... through libxml2 as a whole: the measure (plan: lists of tags to rows; columns, values: texts to values)
fast              ... in chunks through the compiled scanner (kernel; program: a format table as its arrays; slow: single records
                  through libxml2; compiling: is it compiled yet)
result, positions what both make of it: canonical tables, findings with their places
stream            one file part by part, or to Parquet
writer, compare, rewrite
                  tables to bytes; what writing changed, element by element
protocol          findings as FLK_P, journal Y, JSON lines
"""
