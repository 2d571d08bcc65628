#!/bin/sh
# Makes the demo model's text from the Debian package golang-github-jdkato-prose-dev, which carries "The Adventures of
# Sherlock Holmes" (Arthur Conan Doyle, 1892, public domain): everything the distributor of the electronic text added
# is cut off, hard-wrapped lines are joined to paragraphs, and the last adventure is held out for measuring.
#
#   resources/demo/prepare_text.sh [OUTPUT_FOLDER]     (default: resources/demo/texts beside this script)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/texts}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
(cd "$work" && apt-get download -qq golang-github-jdkato-prose-dev && dpkg -x ./*.deb x)
book=$work/x/usr/share/gocode/src/github.com/jdkato/prose/testdata/sherlock.txt
mkdir -p "$out"

# Only the author's text: from the first adventure's title to the end marker; one paragraph a line, a blank line between.
awk '
    /^ADVENTURE I\./ { inside = 1 }
    /^End of the Project/ { inside = 0 }
    inside {
        gsub(/\r/, "")
        sub(/^[ \t]+/, "")
        sub(/[ \t]+$/, "")
        if ($0 == "") { if (paragraph != "") print paragraph "\n"; paragraph = "" }
        else paragraph = paragraph == "" ? $0 : paragraph " " $0
    }
    END { if (paragraph != "") print paragraph "\n" }
' "$book" > "$work/all.txt"

# The last of the twelve adventures is never trained on.
awk -v first="$out/sherlock_holmes.txt" -v last="$out/sherlock_holmes_held_out.txt" '
    /^XII\. / || /^ADVENTURE XII\./ { heldOut = 1 }
    { print > (heldOut ? last : first) }
' "$work/all.txt"
wc -c "$out"/sherlock_holmes*.txt
