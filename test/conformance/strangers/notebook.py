"""A notebook service, in memory: one plan made at once, one that takes two seconds."""
import os
import secrets
import threading
import time

from openbrokerapi import api, errors
from openbrokerapi.catalog import ServicePlan
from openbrokerapi.service_broker import (
    Binding, BindState, DeprovisionServiceSpec, GetBindingSpec,
    GetInstanceDetailsSpec, LastOperation, OperationState,
    ProvisionedServiceSpec, ProvisionState, Service, ServiceBroker,
    UnbindSpec, UpdateServiceSpec,
)

SERVICE = "5d2f8ce8-0a4b-4b0e-9e0c-3f3f4e0d6a01"
SMALL = "5d2f8ce8-0a4b-4b0e-9e0c-3f3f4e0d6a02"   # synchronous
LARGE = "5d2f8ce8-0a4b-4b0e-9e0c-3f3f4e0d6a03"   # asynchronous
TAKES = float(os.environ.get("TAKES", "2"))


class NotebookBroker(ServiceBroker):
    def __init__(self):
        self.instances = {}
        self.lock = threading.Lock()

    def catalog(self):
        return Service(
            id=SERVICE, name="notebook", description="Pages to write on",
            bindable=True, plan_updateable=True,
            instances_retrievable=True, bindings_retrievable=True,
            plans=[
                ServicePlan(id=SMALL, name="small", description="Ready at once", free=True),
                ServicePlan(id=LARGE, name="large", description="Ready in a moment", free=True),
            ],
        )

    def _start(self, inst, kind):
        op = "%s-%s" % (kind, secrets.token_hex(4))
        inst["op"] = {"id": op, "kind": kind, "until": time.monotonic() + TAKES}
        return op

    def _busy(self, inst):
        return inst["op"] is not None and time.monotonic() < inst["op"]["until"]

    def _get(self, instance_id):
        """The live instance, or None; a finished delete takes it away."""
        inst = self.instances.get(instance_id)
        if inst and inst["op"] and inst["op"]["kind"] == "delete" and not self._busy(inst):
            del self.instances[instance_id]
            return None
        return inst

    def provision(self, instance_id, details, async_allowed, **kwargs):
        with self.lock:
            wanted = (details.service_id, details.plan_id, details.organization_guid,
                      details.space_guid, details.parameters or {})
            inst = self._get(instance_id)
            if inst:
                if self._busy(inst) and inst["op"]["kind"] != "create":
                    raise errors.ErrConcurrentInstanceAccess()
                if inst["wanted"] != wanted:
                    raise errors.ErrInstanceAlreadyExists()
                if self._busy(inst):
                    return ProvisionedServiceSpec(ProvisionState.IS_ASYNC, operation=inst["op"]["id"])
                return ProvisionedServiceSpec(ProvisionState.IDENTICAL_ALREADY_EXISTS)
            if details.plan_id == LARGE and not async_allowed:
                raise errors.ErrAsyncRequired()
            inst = {"wanted": wanted, "plan": details.plan_id,
                    "parameters": details.parameters or {}, "bindings": {}, "op": None}
            self.instances[instance_id] = inst
            if details.plan_id == LARGE:
                return ProvisionedServiceSpec(ProvisionState.IS_ASYNC, operation=self._start(inst, "create"))
            return ProvisionedServiceSpec()

    def get_instance(self, instance_id, **kwargs):
        with self.lock:
            inst = self._get(instance_id)
            if not inst or (self._busy(inst) and inst["op"]["kind"] == "create"):
                raise errors.ErrInstanceDoesNotExist()
            if self._busy(inst):
                raise errors.ErrConcurrentInstanceAccess()
            return GetInstanceDetailsSpec(SERVICE, inst["plan"], parameters=inst["parameters"])

    def update(self, instance_id, details, async_allowed, **kwargs):
        with self.lock:
            inst = self._get(instance_id)
            if not inst:
                raise errors.ErrInstanceDoesNotExist()
            if self._busy(inst):
                raise errors.ErrConcurrentInstanceAccess()
            plan = details.plan_id or inst["plan"]
            if plan == LARGE and not async_allowed:
                raise errors.ErrAsyncRequired()
            inst["plan"] = plan
            if details.parameters is not None:
                inst["parameters"] = details.parameters
            if plan == LARGE:
                return UpdateServiceSpec(True, self._start(inst, "update"))
            return UpdateServiceSpec(False)

    def deprovision(self, instance_id, details, async_allowed, **kwargs):
        with self.lock:
            inst = self._get(instance_id)
            if not inst:
                raise errors.ErrInstanceDoesNotExist()
            if inst["plan"] == LARGE:
                if not async_allowed:
                    raise errors.ErrAsyncRequired()
                if self._busy(inst) and inst["op"]["kind"] == "delete":
                    return DeprovisionServiceSpec(True, inst["op"]["id"])
                return DeprovisionServiceSpec(True, self._start(inst, "delete"))
            del self.instances[instance_id]
            return DeprovisionServiceSpec(False)

    def last_operation(self, instance_id, operation_data, service_id, plan_id, **kwargs):
        with self.lock:
            inst = self._get(instance_id)
            if not inst:
                raise errors.ErrInstanceDoesNotExist()
            if self._busy(inst):
                return LastOperation(OperationState.IN_PROGRESS, "working")
            return LastOperation(OperationState.SUCCEEDED, "done")

    def bind(self, instance_id, binding_id, details, async_allowed, **kwargs):
        with self.lock:
            inst = self._get(instance_id)
            if not inst:
                raise errors.ErrInstanceDoesNotExist()
            if self._busy(inst):
                raise errors.ErrConcurrentInstanceAccess()
            wanted = (details.service_id, details.plan_id, details.app_guid, details.parameters or {})
            found = inst["bindings"].get(binding_id)
            if found:
                if found["wanted"] != wanted:
                    raise errors.ErrBindingAlreadyExists()
                return Binding(BindState.IDENTICAL_ALREADY_EXISTS, credentials=found["credentials"])
            creds = {"uri": "notebook://127.0.0.1/" + instance_id,
                     "username": binding_id, "password": secrets.token_urlsafe(12)}
            inst["bindings"][binding_id] = {"wanted": wanted, "credentials": creds,
                                            "parameters": details.parameters or {}}
            return Binding(BindState.SUCCESSFUL_BOUND, credentials=creds)

    def get_binding(self, instance_id, binding_id, **kwargs):
        with self.lock:
            inst = self._get(instance_id)
            found = inst and inst["bindings"].get(binding_id)
            if not found:
                raise errors.ErrBindingDoesNotExist()
            return GetBindingSpec(credentials=found["credentials"], parameters=found["parameters"])

    def unbind(self, instance_id, binding_id, details, async_allowed, **kwargs):
        with self.lock:
            inst = self._get(instance_id)
            if not inst or binding_id not in inst["bindings"]:
                raise errors.ErrBindingDoesNotExist()
            del inst["bindings"][binding_id]
            return UnbindSpec(False)


if __name__ == "__main__":
    api.serve(NotebookBroker(), api.BrokerCredentials("admin", "secret"),
              host="127.0.0.1", port=int(os.environ.get("PORT", "5000")))
