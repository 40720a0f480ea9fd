# Sourced by every rule: control_expects_failure runs the rule on an offender and succeeds only when the
# rule fails on it with the offender's name in its message.
control_expects_failure() {  # control_expects_failure NAME COMMAND...
    local name=$1 message
    shift
    if message=$("$@" 2>&1); then
        echo "control: the rule accepted $name" >&2
        return 1
    fi
    if [[ $message != *"$name"* ]]; then
        echo "control: the rule failed without naming $name: $message" >&2
        return 1
    fi
    echo "control: $name was found"
}
