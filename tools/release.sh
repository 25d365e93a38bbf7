#!/usr/bin/env bash
# Makes a release of what is committed: release.sh VERSION [--keep]. All of it happens in a clone, build/release-VERSION/source:
# version, dated changelog, commit, tag, packages, lists of parts, checksums. With --keep commit and tag come into this
# repository too. Nothing is published. RELEASE_PACKAGES names a folder of packages to take instead of building them.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

say() { echo "release: $*" >&2; }
refuse() { say "$@"; exit 1; }

version=${1:-}
keep=${2:-}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || refuse "'$version' is no version: release.sh 1.2.3 [--keep]"
[[ $keep =~ ^(--keep)?$ ]] || refuse "there is no $keep, only --keep"
tag=v$version
git rev-parse -q --verify "refs/tags/$tag" >/dev/null && refuse "$tag is there already"
[ -z "$(git status --porcelain)" ] || refuse "something is not committed: git status"
grep -qxF "## $version (unreleased)" CHANGELOG.md || refuse "CHANGELOG.md has no section '## $version (unreleased)'"

place=$root/build/release-$version
rm -rf "$place"
git clone -q --no-hardlinks . "$place/source"
cd "$place/source"
git config user.name "$(git -C "$root" config user.name || echo Sagittal)"
git config user.email "$(git -C "$root" config user.email || echo maintainers@sagittal.example.org)"

# The one place of the version, the package of Python that is published with it, and the names of files in the pages.
before=$(sed -n -E 's/^project\(sagittal VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)
{ git grep -lE "sagittal[-_]${before//./\\.}" -- README.md docs || [ $? = 1 ]; } | xargs -r sed -i -E "s/(sagittal[-_])${before//./\\.}/\1$version/g"
sed -i -E "s/^(project\(sagittal VERSION )[0-9.]+/\1$version/" CMakeLists.txt
sed -i -E "s/^version = \"[0-9.]+\"/version = \"$version\"/" holoscan/pyproject.toml
sed -i "s/^## $version (unreleased)$/## $version ($(date -u +%F))/" CHANGELOG.md
git commit -qam "release: $version"
git tag -a "$tag" -m "Sagittal $version"
RELEASE_VENV=${RELEASE_VENV:-$root/build/release_venv} tools/release_files.sh "$place/files" ${RELEASE_PACKAGES:+"$RELEASE_PACKAGES"}

if [ "$keep" = --keep ]; then
  cd "$root"
  git fetch -q "$place/source" "refs/tags/$tag:refs/tags/$tag"
  git merge -q --ff-only "$tag"
  say "$tag is in this repository. To publish: git push origin HEAD $tag"
else
  say "a dry run: this repository is as it was; --keep takes commit and tag"
fi
say "files: $place/files"
