#!/bin/sh
# Made what lies here, once, with OpenSSL 3: for tests alone, valid from 2020 to 2119. Nothing anywhere trusts it.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
cat > "$work/config" <<END
[ca]
default_ca = made
[made]
dir = $work
new_certs_dir = $work
database = $work/index
default_md = sha256
policy = any
unique_subject = no
rand_serial = yes
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
subjectAltName = IP:127.0.0.1, DNS:localhost
extendedKeyUsage = serverAuth
[client]
extendedKeyUsage = clientAuth
END
: > "$work/index"
made() {  # name, extensions, and by whom it is signed
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"
    openssl req -new -key "$1.key" -subj "/CN=mamo test $1" -config "$work/config" -out "$work/request"
    name=$1
    extensions=$2
    shift 2
    openssl ca -batch -notext -config "$work/config" -extensions "$extensions" -in "$work/request" -out "$name.pem" \
        -startdate 20200101000000Z -enddate 21191231000000Z "$@"
}
made ca authority -selfsign -keyfile ca.key
made stranger authority -selfsign -keyfile stranger.key
made server server -cert ca.pem -keyfile ca.key
made caller client -cert ca.pem -keyfile ca.key
made impostor client -cert stranger.pem -keyfile stranger.key
rm ca.key stranger.key stranger.pem
