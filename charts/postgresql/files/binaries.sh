# Puts PostgreSQL's programs on the search path: Debian keeps them apart by version, other images in /usr/local/bin.
for folder in /usr/local/bin /usr/lib/postgresql/*/bin; do
  if [ -x "$folder/postgres" ]; then PATH="$folder:$PATH"; fi
done
export PATH
