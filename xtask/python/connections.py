"""Adds up the connections that the functions of a stack can open, and compares the sum with the database's budget."""

from packages import functions

# What a function without events has, if it is more than one connection: `migrate` holds a second one for its lock.
COMMANDS = {"MigrateFunction": 2}
# An event poller calls the function at most five times at once
# (https://docs.aws.amazon.com/lambda/latest/dg/with-kafka-low-latency.html).
CALLS_OF_A_POLLER = 5
# A process that handles several requests at once shares so many connections (core/src/config/database.rs).
SHARED = 8
# In the environment of a function that opens connections.
DATABASE = "DB_SECRET_ARN"


def check(found, template, parameters):
    stack = Stack(template, parameters)
    budget = stack.values.get("DatabaseMaxConnections", "")
    if not budget:
        return
    unbounded, total = stack.sum()
    if unbounded:
        found.fault(
            f"DatabaseMaxConnections is {budget}, "
            f"and these functions may open any number of connections: {', '.join(unbounded)}",
            "set HashingConcurrency and RequestConcurrency; "
            "a function that no API calls needs ReservedConcurrentExecutions, or MaximumConcurrency for its queue",
        )
    elif total > int(budget):
        found.fault(
            f"the functions can open {total} connections, and DatabaseMaxConnections is {budget}",
            "lower HashingConcurrency, RequestConcurrency or ConsumerMaxConcurrency, or use a larger database; "
            "docs/performance.md has the sum",
        )


class Stack:
    def __init__(self, template, parameters):
        self.template = template
        # SAM adds them to the properties of each function.
        self.common = template.get("Globals", {}).get("Function", {})
        declared = template.get("Parameters", {})
        self.values = {name: str(about.get("Default", "")) for name, about in declared.items()} | parameters

    def sum(self):
        """The functions without a limit, and the connections of all others together."""
        unbounded, total, shared = [], 0, 0
        for id, function in sorted(functions(self.template).items()):
            properties = self.common | function["Properties"]
            variables = self.variables(self.common) | self.variables(properties)
            if DATABASE not in variables or not self.holds(function.get("Condition")):
                continue
            pool = self.resolve(variables.get("CONNECTIONS_POOL_MAX_SIZE"))
            if "CapacityProviderConfig" in properties:
                at_once = int(properties["CapacityProviderConfig"]["PerExecutionEnvironmentMaxConcurrency"])
                shared = max(shared, int(pool or min(at_once, SHARED)))
                continue
            instances = self.instances(id, properties)
            if instances is None:
                unbounded.append(id)
            else:
                total += instances * int(pool or 1)
        # Each process on managed instances has a processor.
        processors = self.template.get("Metadata", {}).get("ManagedInstances", {}).get("MaxVCpuCount", 0)
        return unbounded, total + shared * int(processors)

    @staticmethod
    def variables(properties):
        return properties.get("Environment", {}).get("Variables", {})

    def instances(self, id, properties):
        """How many instances can work at the same time, or nothing if there is no limit."""
        reserved = self.resolve(properties.get("ReservedConcurrentExecutions"))
        if reserved is not None:
            return int(reserved)
        events = properties.get("Events", {}).values()
        kinds = {event["Type"] for event in events}
        if not kinds:
            topics = self.topics(id)
            return sum(topics) * CALLS_OF_A_POLLER if topics else COMMANDS.get(id, 1)
        if kinds == {"SQS"}:
            scaling = [event["Properties"].get("ScalingConfig", {}) for event in events]
            bounds = [self.resolve(one.get("MaximumConcurrency")) for one in scaling]
            return None if None in bounds else sum(map(int, bounds))
        if kinds == {"Schedule"}:
            # Each schedule is of a minute: a run that takes longer meets the next one.
            return sum(1 + int(self.resolve(properties.get("Timeout", 0))) // 60 for _ in events)
        return None

    def topics(self, id):
        """How many pollers read each topic that calls the function."""
        resources = self.template["Resources"].values()
        mappings = [one for one in resources if one.get("Type") == "AWS::Lambda::EventSourceMapping"]
        own = [one for one in mappings if one["Properties"]["FunctionName"] in ({"Ref": f"{id}.Alias"}, {"Ref": id})]
        pollers = [one["Properties"]["ProvisionedPollerConfig"] for one in own if self.holds(one.get("Condition"))]
        return [self.resolve(one["MaximumPollers"]) for one in pollers]

    def holds(self, condition):
        if condition is None:
            return True
        if isinstance(condition, str):
            return self.holds(self.template["Conditions"][condition])
        (name, inner), = condition.items()
        if name == "Condition":
            return self.holds(inner)
        if name == "Fn::Not":
            return not self.holds(inner[0])
        if name == "Fn::And":
            return all(map(self.holds, inner))
        if name == "Fn::Or":
            return any(map(self.holds, inner))
        return self.resolve(inner[0]) == self.resolve(inner[1])

    def resolve(self, value):
        """The text of a value, or nothing for `AWS::NoValue`."""
        if not isinstance(value, dict):
            return value
        (name, inner), = value.items()
        if name == "Ref":
            return None if inner == "AWS::NoValue" else self.values[inner]
        if name == "Fn::If":
            return self.resolve(inner[1] if self.holds(inner[0]) else inner[2])
        if name == "Fn::Join":
            parts = self.resolve(inner[1])
            return inner[0].join(parts.split(",") if isinstance(parts, str) else map(self.resolve, parts))
        raise ValueError(f"{name} has no value before the deployment")
