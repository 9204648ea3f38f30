# What the stories use besides commands of the pages. The variables STORY_* come from stories.py.
# shellcheck shell=bash
set -euo pipefail
background=()
seen=0
trap 'kill "${background[@]}" 2>/dev/null || true; wait' EXIT

# prints TEXT: what was printed since the last look has TEXT.
prints() {
  if ! tail --bytes="+$((seen + 1))" "$STORY_OUTPUT" | grep --fixed-strings --quiet -- "$1"; then
    echo "STORY: not printed: $1"
    exit 1
  fi
  seen=$(wc --bytes < "$STORY_OUTPUT")
}

# contains FILE TEXT: the file has TEXT.
contains() {
  grep --fixed-strings --quiet -- "$2" "$1" || { echo "STORY: $1 does not contain $2"; exit 1; }
}

# ends_with CODE COMMAND...: the command has this exit code.
ends_with() {
  local wanted=$1 code=0
  shift
  "$@" || code=$?
  [ "$code" = "$wanted" ] || { echo "STORY: exit code $code, not $wanted: $*"; exit 1; }
}

# keep_running COMMAND...: as in a second terminal, until the story ends.
keep_running() {
  local port=(--port "$STORY_PORT")
  [[ "$*" != *make* ]] || port=("ARGS=--port $STORY_PORT")
  : > "$STORY_OUTPUT.background" # tail may be faster than the command
  "$@" "${port[@]}" >> "$STORY_OUTPUT.background" 2>&1 &
  background+=($!)
  if ! grep --quiet 'Stop it with\|Ctrl-C ends it' <(tail --follow --lines=+1 --pid=$! "$STORY_OUTPUT.background"); then
    cat "$STORY_OUTPUT.background"
    exit 1
  fi
}

# clone: a clone of this repository, as the working folder.
clone() {
  git clone --quiet "$STORY_CHECKOUT" fc-async
  cd fc-async
}

# account: a runtime with strict keys and roles, which stands for an account, and the alias `orders`.
account() {
  local roles
  roles=$(fc-async policy --account-id 1234567890123456 -o json)
  keep_running python3 -c '
import json, sys, threading
from fc_async_local.embedded import LocalRuntime
from fc_async_local.settings import Settings

(role,) = json.loads(sys.argv[1])["roles"]
settings = Settings.of(
    strict_auth=True, access_keys={"LTAIorders": "secret"},
    enforce_roles=True, roles={"orders": [role["policy"]]},
)
with LocalRuntime(port=int(sys.argv[3]), settings=settings):
    print("Stop it with Ctrl-C", flush=True)
    threading.Event().wait()
' "$roles"
  export orders_serverless_devs_key='{"AccountID": "1234567890123456", "AccessKeyID": "LTAIorders", "AccessKeySecret": "secret"}'
}

# in_account fc-async COMMAND...: at the runtime that stands for an account.
in_account() {
  "$@" --endpoint http://127.0.0.1:9900
}

# answers URL: a browser gets a page there.
answers() {
  python3 -c 'import sys, urllib.request as web; web.build_opener(web.ProxyHandler({}), web.HTTPCookieProcessor()).open(sys.argv[1])' "$1"
}

# file PAGE NAME: the file that the page shows under NAME.
file() {
  cp "$STORY_FILES/$1/$2" "$2"
}

# from_the_network COMMAND...: an installation; left out where all is installed.
from_the_network() {
  [ -n "${STORY_BIN:-}" ] || "$@"
}

# in_its_environment make TARGET: the environment of the project is the one of this run, if there is one.
in_its_environment() {
  [ -z "${STORY_BIN:-}" ] || set -- "$@" STAMP= CONSOLE= BIN="$STORY_BIN"
  # In the background, the command takes the place of its shell, which the signal is sent to.
  if [ "$BASHPID" != $$ ]; then exec "$@"; fi
  "$@"
}
