#!/bin/sh
# Prints the bill of materials of an image, in CycloneDX. Components of one kind, one a line:
#   sbom.sh crates             crates that are linked into the program, according to Cargo.lock
#   sbom.sh vendored           players and fonts in the program
#   sbom.sh packages [NAME...] the named packages of the distribution, or all installed packages
# The whole document, from such lines on standard input:
#   sbom.sh document NAME [TYPE]            TYPE is `container` unless it is given
set -eu

crates() {
    # The program itself is not a component: its line contains a directory in parentheses.
    tree=$(cargo tree --locked --edges normal,no-proc-macro --prefix none --no-dedupe --format '{p}|{l}')
    echo "$tree" | sort -u | awk -F'|' '$1 !~ /\(/ {
        split($1, crate, " v")
        # Some crates write "MIT/Apache-2.0", an older form of "MIT OR Apache-2.0".
        gsub(/ *\/ */, " OR ", $2)
        printf "{\"type\":\"library\",\"name\":\"%s\",\"version\":\"%s\",", crate[1], crate[2]
        printf "\"purl\":\"pkg:cargo/%s@%s\",\"licenses\":[{\"expression\":\"%s\"}]}\n", crate[1], crate[2], $2
    }'
}

vendored() {
    awk '$1 == "name" { name = $2 } $1 == "version" { version = $2 } $1 == "licence" {
        printf "{\"type\":\"library\",\"name\":\"%s\",\"version\":\"%s\",\"purl\":\"pkg:npm/%s@%s\",", name, version, name, version
        printf "\"licenses\":[{\"expression\":\"%s\"}]}\n", $2
    }' static/vendor/VERSIONS.txt
    awk 'NR == 1 { name = $0 } $1 == "version" {
        printf "{\"type\":\"file\",\"name\":\"%s\",\"version\":\"%s\"}\n", name, $2
    }' static/fonts/README.txt
}

packages() {
    installed=$(dpkg-query -W -f '${Package} ${Version} ${Architecture}\n' "$@")
    echo "$installed" | while read -r name version architecture; do
        escaped=$(echo "$version" | sed 's/+/%2B/g; s/:/%3A/g')
        echo "{\"type\":\"library\",\"name\":\"$name\",\"version\":\"$version\",\"purl\":\"pkg:deb/debian/$name@$escaped?arch=$architecture\"}"
    done
}

document() {
    echo '{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,'
    echo "\"metadata\":{\"component\":{\"type\":\"${2:-container}\",\"name\":\"$1\"}},"
    echo '"components":['
    sort -u | sed '$!s/$/,/'
    echo ']}'
}

"$@"
