# SPDX-License-Identifier: MIT
"""Functions that the runner's contract is tried on."""

import datetime as dt
import decimal
import json
import logging
import os
import sys
import threading
import time

calls = 0


def echo(event, context):
    return event


def text(event, context):
    return "ä"


def none(event, context):
    return None


def plain(event, context):
    return {
        "z": decimal.Decimal("1.5"),
        "a": dt.date(2026, 1, 2),
        "t": dt.datetime(2026, 1, 2, 3, 4, 5),
    }


def own_json(event, context):
    class Thing:
        def to_json(self):
            return {"thing": 1}

    return Thing()


def no_json(event, context):
    return {1, 2}


def seen(event, context):
    return context.to_json()


def attributes(event, context):
    return {
        "same": context.requestId == context.request_id,
        "key": context.credentials.accessKeyId == context.credentials.access_key_id,
        "memory": context.function.memory,
        "timeout": context.function.timeout,
        "qualifier": context.service.qualifier,
        "retry_count": context.retry_count,
        "logger": context.getLogger() is context.logger,
        "event": type(event).__name__,
    }


def all_attributes(event, context):
    known = {name for name in dir(context) if not name.startswith("_")}
    inner = {name for name in dir(context.function) if not name.startswith("_")}
    return {"context": sorted(known), "function": sorted(inner - {"to_dict"})}


def attributes_of_312(event, context):
    function = context.function
    return {
        "function": [function.name, function.handler, function.memory, function.timeout],
        "version": [function.version_id, function.qualifier],
        "place": [context.region, context.account_id, context.log_project, context.log_store],
        "id": context.request_id,
        "logger": context.getLogger() is context.logger,
    }


def environment(event, context):
    return dict(os.environ)


def where(event, context):
    return {"cwd": os.getcwd(), "code": os.environ["FC_FUNC_CODE_PATH"], "path": sys.path[0]}


def count(event, context):
    global calls
    calls += 1
    return {"calls": calls, "pid": os.getpid()}


def fail(event, context):
    raise ValueError("no such order")


def unprintable(event, context):
    class Odd(Exception):
        def __str__(self):
            raise RuntimeError

    raise Odd


def deep(event, context):
    return deep(event, context)


def log(event, context):
    print("printed")
    sys.stderr.write("to stderr\n")
    context.logger.info("from the logger")
    context.logger.debug("not shown")
    logging.getLogger("mine").warning("from a child")
    os.write(1, b"from below\n")
    return ""


def log_in_thread(event, context):
    thread = threading.Thread(target=logging.getLogger().info, args=("in a thread",))
    thread.start()
    thread.join()


def hang(event, context):
    print("hanging")
    time.sleep(600)


def leave(event, context):
    print("leaving")
    sys.exit(int(event))


def base_exception(event, context):
    class Weird(BaseException):
        pass

    raise Weird("weird")


def main_thread(event, context):
    return threading.current_thread() is threading.main_thread()


def slow_echo(event, context):
    time.sleep(json.loads(event))
    return event
