# SPDX-License-Identifier: MIT
"""Every error this package raises, in one tree.

::

    FcAsyncError
    ├── InvalidRequest            your call can't be sent as it is; nothing was sent
    │   ├── InvalidParameter      one argument is wrong
    │   ├── InvalidArn            a resource name is wrong
    │   └── PayloadTooLarge       the payload is over the service's limit
    ├── ConfigurationError        region, account, endpoint or credentials are missing or wrong
    │   └── CredentialsError
    │       └── NoCredentials     none were found anywhere
    ├── InvalidEvent              the input is not a destination event
    ├── InvalidPayload            a payload or a result does not fit its type: .place .reason
    ├── TransportError            no (usable) answer came back
    │   ├── ConnectFailed         the request never left
    │   ├── TimedOut              no answer in time; safe to repeat, the call was idempotent
    │   ├── OutcomeUnknown        it may or may not have been accepted
    │   └── InvalidResponse       an answer came that is not this API's
    ├── ServiceError              the service said no: .code .http_status .request_id .operation
    │   ├── InvalidArgument, MissingRequiredHeader, PathNotSupported, EntityTooLarge,     400
    │   │   InvalidDestinationResources, LimitExceeded
    │   ├── AccessDenied, SignatureNotMatch, InvalidAccessKeyID, InvalidSecurityToken     403
    │   ├── NotFound                                                                      404
    │   │   └── FunctionNotFound, AliasNotFound, VersionNotFound, TriggerNotFound,
    │   │       LayerNotFound, AsyncConfigNotExists, AsyncTaskNotFound
    │   ├── Conflict                                                                      409
    │   │   └── FunctionAlreadyExists, AliasAlreadyExists, TriggerAlreadyExists,
    │   │       AsyncTaskAlreadyExists, FunctionNotEmpty, ConcurrentUpdateError
    │   ├── PreconditionFailed                                                            412
    │   │   └── FunctionNotStarted, CAExited, CAFileNotFound, CAFilePermission,
    │   │       AsyncInvocationStopped
    │   ├── Throttled                                                                     429
    │   │   └── ResourceExhausted, ResourceThrottled
    │   ├── ClientClosedRequest                                                           499
    │   └── ServerError                                                                   5xx
    │       └── InternalServerError, BadResponse, DestinationDeliveryFailed
    ├── FunctionError             a synchronous call was answered by a failing function
    ├── TaskError                 a task ended without a result: .task_id .status .reason
    │   ├── TaskFailed            the function failed at every attempt
    │   ├── TaskStopped           it was stopped
    │   ├── TaskExpired           it was not executed before its age was over
    │   ├── TaskInvalid           it was not executed, for example: the function was deleted
    │   ├── TaskLost              the service does not list it
    │   └── ResultNotKept         it succeeded, and the service does not keep results
    ├── WaiterError               a waiter gave up: .last is what it saw last
    ├── PaceError                 a message got no slot of a pace and was not sent
    │   ├── WaitTooLong           the slot is later than the message may wait
    │   └── PaceStoreFailed       the store of the pace could not be read or written
    ├── IdempotencyError          an idempotent handler did not run, or did not record its result
    │   └── AlreadyRunning, PayloadMismatch, KeyMissing, FailureKept, EffectInDoubt,
    │       ResultNotStored, ClaimLost, StoreFailed
    └── LargePayloadError         a payload in a store cannot be written or read: .store .key
        └── UnreadableClaim, PayloadNotFound, PayloadDamaged, PayloadStoreDenied,
            PayloadStoreFailed, PayloadOverMemory

Messages say what happened, the value, and what to do. No message holds a secret.
"""

from fc_async_sdk.errors.idempotency import *
from fc_async_sdk.errors.pacing import *
from fc_async_sdk.errors.payloads import *
from fc_async_sdk.errors.service import *
from fc_async_sdk.errors.tree import *
