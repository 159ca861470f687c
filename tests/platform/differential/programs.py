# mypy: disable-error-code="no-untyped-def, no-untyped-call"
"""Programs in steps, to compare the embedded engine with Pulumi's own.

`PROGRAMS`: by name, a list of steps. A step is `program_step(f)`, where `f(prefix)` declares resources whose names on
AWS begin with the prefix; `by_hand(f)`, where `f(prefix, client)` changes AWS without the engine; or a destruction.
`refresh` looks at AWS first; `kill` kills the engine after an operation on a resource ("create=/{prefix}/b"; `?` is one
without a name of its own); `around(prefix)` is a context that the step runs in.

Programs and the functions that declare them are named after the options that they try: `al` alias, `autorep` replaced
under a generated name, `dbr` deleteBeforeReplace, `delwith` deletedWith, `dep` a dependent, `ign` ignoreChanges, `imp`
import, `pend` a pending replacement, `prot` protect, `prov` an explicit provider, `ren` renamed, `rep` replaced, `ret`
retainOnDelete, `roc` replaceOnChanges, `rtrig` a replacement trigger, `rwith` replaceWith, `sref` a stack reference,
`trans` a transform, `upd` update.
"""

import json

import pulumi
import pulumi_aws as aws
from pulumi import Alias, ResourceOptions

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
POL = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}]}
)
PROGRAMS = {}


def program_step(f, **k):
    return {"program": f, **k}


def by_hand(f):
    return {"by_hand": f}


def make_parameter(n, name, value="v", opts=None, **k):
    return aws.ssm.Parameter(n, name=name, type="String", value=value, opts=opts, **k)


def make_queue(n, name, opts=None, **k):
    return aws.sqs.Queue(n, name=name, opts=opts, **k)


def make_table(n, name, key="a", opts=None, **k):
    return aws.dynamodb.Table(
        n,
        name=name,
        billing_mode="PAY_PER_REQUEST",
        hash_key=key,
        attributes=[aws.dynamodb.TableAttributeArgs(name=key, type="S")],
        opts=opts,
        **k,
    )


def nothing(prefix):
    pass


class Comp(pulumi.ComponentResource):
    def __init__(self, name, kids, opts=None, t="my:c:Comp"):
        super().__init__(t, name, None, opts)
        self.kids = kids(self, name)
        self.register_outputs({})


# --- basics
def basic(r, with_b=True):
    def f(prefix):
        a = make_queue("a", f"{prefix}-a", message_retention_seconds=r)
        pulumi.export("url", a.url)
        if with_b:
            make_parameter("b", f"/{prefix}/b", "x")

    return f


PROGRAMS["basic"] = [
    program_step(basic(60)),
    program_step(basic(60)),
    program_step(basic(120)),
    program_step(basic(120, False)),
    {"destroy": True},
]


def rep_dep(n):
    def f(prefix):
        a = make_queue("a", f"{prefix}-{n}")
        make_parameter("b", f"/{prefix}/b", a.url)
        make_parameter("c", f"/{prefix}/c", "static")
        pulumi.export("u", a.url)

    return f


PROGRAMS["replace_dependent"] = [program_step(rep_dep("one")), program_step(rep_dep("two"))]


def autorep(path):
    def f(prefix):
        r = aws.iam.Role(f"{prefix}-auto", path=path, assume_role_policy=TRUST)
        pulumi.export("arn", r.arn)
        make_parameter("b", f"/{prefix}/b", r.name)

    return f


PROGRAMS["replace_autonamed"] = [program_step(autorep("/")), program_step(autorep("/x/"))]


def dbr_role(path):
    def f(prefix):
        r = aws.iam.Role("r", name=f"{prefix}-r", path=path, assume_role_policy=TRUST)
        aws.iam.RolePolicy("p", name=f"{prefix}-p", role=r.name, policy=POL)
        aws.iam.RolePolicyAttachment(
            "att", role=r.name, policy_arn=aws.iam.Policy("pol", name=f"{prefix}-pol", policy=POL).arn
        )

    return f


PROGRAMS["dbr_role_with_policies"] = [
    program_step(dbr_role("/")),
    program_step(dbr_role("/x/")),
    program_step(dbr_role("/x/")),
]


def dbr_opt(n, pol=True):
    def f(prefix):
        r = aws.iam.Role(
            "r", name=f"{prefix}-{n}", assume_role_policy=TRUST, opts=ResourceOptions(delete_before_replace=True)
        )
        if pol:
            aws.iam.RolePolicy(
                "p", name=f"{prefix}-p", role=r.name, policy=POL, opts=ResourceOptions(delete_before_replace=True)
            )

    return f


PROGRAMS["dbr_option_rename_dependents"] = [
    program_step(dbr_opt("r1")),
    program_step(dbr_opt("r2")),
    program_step(dbr_opt("r2")),
]


def dbr_queue(n):
    def f(prefix):
        q = make_queue("q", f"{prefix}-{n}", opts=ResourceOptions(delete_before_replace=True))
        make_parameter("p", f"/{prefix}/p", q.url)
        aws.sqs.QueuePolicy("qp", queue_url=q.url, policy=POL, opts=ResourceOptions(delete_before_replace=True))

    return f


PROGRAMS["dbr_option_queue_policy"] = [
    program_step(dbr_queue("q1")),
    program_step(dbr_queue("q2")),
    program_step(dbr_queue("q2")),
]


# --- protect / retain
def prot(n, with_a=True, p=True):
    def f(prefix):
        if with_a:
            make_queue("a", f"{prefix}-{n}", opts=ResourceOptions(protect=p))
        make_parameter("b", f"/{prefix}/b", "x")

    return f


def prot2(prefix):
    make_parameter("b", f"/{prefix}/b", "changed")
    make_parameter("c", f"/{prefix}/c", "new")


PROGRAMS["protect_remove"] = [
    program_step(prot("a")),
    program_step(prot2),
    program_step(prot("a", p=False)),
    program_step(prot2),
]
PROGRAMS["protect_replace"] = [program_step(prot("a")), program_step(prot("z")), program_step(prot("a"))]
PROGRAMS["unprotect_and_replace_at_once"] = [program_step(prot("a")), program_step(prot("z", p=False))]
PROGRAMS["protect_and_replace_at_once"] = [program_step(prot("a", p=False)), program_step(prot("z", p=True))]
PROGRAMS["destroy_protected"] = [program_step(prot("a")), {"destroy": True}]


def protcomp(with_kid=True, p=True, with_comp=True):
    def f(prefix):
        if with_comp:
            Comp(
                "c",
                lambda self, n: (
                    make_queue("kid", f"{prefix}-kid", opts=ResourceOptions(parent=self)) if with_kid else None
                ),
                opts=ResourceOptions(protect=p),
            )

    return f


PROGRAMS["protect_component"] = [
    program_step(protcomp()),
    program_step(protcomp(with_kid=False)),
    program_step(protcomp(with_comp=False)),
    {"destroy": True},
]


def ret(n, r=True, with_a=True):
    def f(prefix):
        if with_a:
            make_queue("a", f"{prefix}-{n}", opts=ResourceOptions(retain_on_delete=r))

    return f


PROGRAMS["retain_remove"] = [program_step(ret("a")), program_step(ret("a", with_a=False))]
PROGRAMS["retain_replace"] = [program_step(ret("a")), program_step(ret("z"))]
PROGRAMS["retain_new_on_replace"] = [program_step(ret("a", False)), program_step(ret("z", True))]
PROGRAMS["retain_dropped_on_replace"] = [program_step(ret("a", True)), program_step(ret("z", False))]
PROGRAMS["retain_destroy"] = [program_step(ret("a")), {"destroy": True}]


def retcomp(prefix):
    Comp(
        "c",
        lambda self, n: make_queue("kid", f"{prefix}-kid", opts=ResourceOptions(parent=self)),
        opts=ResourceOptions(retain_on_delete=True),
    )


PROGRAMS["retain_component"] = [program_step(retcomp), program_step(nothing)]


def ret_dbr(key):
    def f(prefix):
        make_table("t", f"{prefix}-t", key, opts=ResourceOptions(retain_on_delete=True, delete_before_replace=True))

    return f


PROGRAMS["retain_replace_same_name"] = [
    program_step(ret_dbr("a")),
    program_step(ret_dbr("b")),
    program_step(ret_dbr("a")),
]


def retopt(n, r):
    def f(prefix):
        make_queue("a", f"{prefix}-{n}", opts=ResourceOptions(retain_on_delete=r, delete_before_replace=True))

    return f


PROGRAMS["retain_dbr_rename"] = [program_step(retopt("a", True)), program_step(retopt("z", True)), {"destroy": True}]


# --- ignore / replaceOnChanges
def ign(v, d, paths):
    def f(prefix):
        make_parameter(
            "a", f"/{prefix}/a", v, description=d, opts=ResourceOptions(ignore_changes=paths), tags={"o": v, "k": d}
        )

    return f


PROGRAMS["ignore_top"] = [
    program_step(ign("1", "1", ["value"])),
    program_step(ign("2", "1", ["value"])),
    program_step(ign("3", "2", ["value"])),
]
PROGRAMS["ignore_nested"] = [
    program_step(ign("1", "1", ["value", "tags.o"])),
    program_step(ign("2", "1", ["value", "tags.o"])),
    program_step(ign("3", "2", ["value", "tags.o"])),
]
PROGRAMS["ignore_star"] = [program_step(ign("1", "1", ["*"])), program_step(ign("2", "2", ["*"]))]


def livef(prefix, c):
    c("ssm").put_parameter(Name=f"/{prefix}/a", Value="live", Type="String", Overwrite=True)


PROGRAMS["ignore_live_drift_then_update"] = [
    program_step(ign("1", "1", ["value"])),
    by_hand(livef),
    program_step(ign("2", "2", ["value"])),
]
PROGRAMS["ignore_live_drift_refresh_update"] = [
    program_step(ign("1", "1", ["value"])),
    by_hand(livef),
    program_step(ign("2", "2", ["value"]), refresh=True),
]


def roc(v, o, paths):
    def f(prefix):
        make_parameter(
            "a",
            f"/{prefix}/a",
            v,
            opts=ResourceOptions(replace_on_changes=paths, delete_before_replace=True),
            tags={"o": o, "k": v},
        )

    return f


PROGRAMS["roc_nested_other_key"] = [
    program_step(roc("1", "1", ["tags.o"])),
    program_step(roc("2", "1", ["tags.o"])),
    program_step(roc("2", "2", ["tags.o"])),
]


def roc_q(r):
    def f(prefix):
        make_queue(
            "q",
            f"{prefix}-q",
            message_retention_seconds=r,
            opts=ResourceOptions(replace_on_changes=["messageRetentionSeconds"]),
        )

    return f


PROGRAMS["roc_same_name_queue"] = [program_step(roc_q(60)), program_step(roc_q(61)), program_step(roc_q(61))]


# --- aliases
def al(n, alias=None):
    def f(prefix):
        make_parameter(n, f"/{prefix}/a", "x", opts=ResourceOptions(aliases=[Alias(name=alias)] if alias else None))
        make_table(n + "t", f"{prefix}-t", opts=ResourceOptions(aliases=[Alias(name=alias + "t")] if alias else None))

    return f


PROGRAMS["alias_rename"] = [program_step(al("old")), program_step(al("new", "old"))]


def al_par(inside):
    def f(prefix):
        c = Comp("c", lambda self, n: None)
        make_queue(
            "q",
            f"{prefix}-q",
            opts=ResourceOptions(parent=c, aliases=[Alias(parent=pulumi.ROOT_STACK_RESOURCE)]) if inside else None,
        )

    return f


PROGRAMS["alias_new_parent"] = [program_step(al_par(False)), program_step(al_par(True))]


def al_comp(n, alias=None):
    def f(prefix):
        Comp(
            n,
            lambda self, name: make_queue("q", f"{prefix}-q", opts=ResourceOptions(parent=self)),
            t="my:c:" + n,
            opts=ResourceOptions(aliases=[Alias(name=alias, type_="my:c:" + alias)] if alias else None),
        )

    return f


PROGRAMS["alias_component"] = [program_step(al_comp("One")), program_step(al_comp("Two", "One"))]


# --- order
def depon(both=True):
    def f(prefix):
        if both:
            a = make_queue("a", f"{prefix}-a")
            b = make_parameter("b", f"/{prefix}/b", opts=ResourceOptions(depends_on=[a]))
            make_parameter("c", f"/{prefix}/c", opts=ResourceOptions(depends_on=[b]))

    return f


PROGRAMS["depends_on_delete_order"] = [program_step(depon()), program_step(nothing)]


def parented(on=True):
    def f(prefix):
        if on:
            a = make_parameter("z", f"/{prefix}/z")
            make_queue("a", f"{prefix}-a", opts=ResourceOptions(parent=a))
            c = Comp("c", lambda s, n: make_queue("k", f"{prefix}-k", opts=ResourceOptions(parent=s)))
            make_parameter("after", f"/{prefix}/after", opts=ResourceOptions(depends_on=[c]))

    return f


PROGRAMS["parent_delete_order"] = [program_step(parented()), program_step(nothing)]


def pend(n, pol):
    def f(prefix):
        r = aws.iam.Role("r", name=f"{prefix}-{n}", assume_role_policy=TRUST)
        if pol:
            aws.iam.RolePolicy("p", name=f"{prefix}-p", role=r.name, policy=POL)

    return f


PROGRAMS["replaced_while_dependent_removed"] = [
    program_step(pend("r1", True)),
    program_step(pend("r2", False)),
    program_step(pend("r2", False)),
]


def pend2(n):
    def f(prefix):
        p = aws.iam.Policy("pol", name=f"{prefix}-{n}", policy=POL)
        r = aws.iam.Role("r", name=f"{prefix}-r{n}", assume_role_policy=TRUST)
        aws.iam.RolePolicyAttachment("att", role=r.name, policy_arn=p.arn)

    return f


PROGRAMS["replaced_chain"] = [program_step(pend2("one")), program_step(pend2("two"))]


# --- secrets, exports
def secrets(prefix):
    cfg = pulumi.Config()
    s = cfg.require_secret("pw")
    q = make_queue("q", f"{prefix}-q", opts=ResourceOptions(additional_secret_outputs=["url"]))
    pulumi.export("url", q.url)
    p = make_parameter("p", f"/{prefix}/p", s)
    pulumi.export("value", p.value)
    g = make_queue("g", f"{prefix}-g", tags={"t": pulumi.Output.secret("x")})
    pulumi.export("tags", g.tags)
    pulumi.export("gname", g.name)
    make_parameter("d", f"/{prefix}/d", "plain", description=pulumi.Output.secret("desc"))
    pulumi.export("cfg", s)
    pulumi.export("plaincfg", cfg.get("pw"))
    pulumi.export("nested", {"a": s, "b": 1, "c": [s.apply(lambda v: v + "!")]})
    pulumi.export("un", pulumi.Output.unsecret(s))
    pulumi.export("concat", pulumi.Output.concat("x", s))
    pulumi.export("obj", cfg.get_object("o"))


SECRETS_CONFIG = {"config": {"diff:o": '{"a": 1}'}, "secret": {"diff:pw": "hush"}}
PROGRAMS["secrets"] = [program_step(secrets, **SECRETS_CONFIG), program_step(secrets, **SECRETS_CONFIG)]


def exports(prefix):
    q = make_queue("q", f"{prefix}-q", tags={"a": "1"})
    t = make_table("t", f"{prefix}-t")
    for k, v in {
        "int": 1,
        "float": 1.5,
        "whole": 2.0,
        "none": None,
        "list": [1, q.name, None],
        "dict": {"x": q.name, "n": None},
        "bool": True,
        "str": "",
        "out_int": q.name.apply(lambda _: 3),
        "out_float": q.name.apply(lambda _: 3.0),
        "tags": t.attributes,
        "id": q.id,
        "urn": q.urn,
    }.items():
        pulumi.export(k, v)


PROGRAMS["exports"] = [program_step(exports)]


def exp_res(prefix):
    pulumi.export("res", make_parameter("p", f"/{prefix}/p", "v"))


PROGRAMS["export_resource"] = [program_step(exp_res)]


def exp_asset(prefix):
    pulumi.export("asset", pulumi.StringAsset("x"))
    pulumi.export("n", make_queue("q", f"{prefix}-q").name)


PROGRAMS["export_asset"] = [program_step(exp_asset)]


# --- providers
def prov(tag="1", region="us-east-1"):
    def f(prefix):
        p = aws.Provider(
            "p",
            region=region,
            access_key="test",
            secret_key="test",
            skip_credentials_validation=True,
            default_tags=aws.ProviderDefaultTagsArgs(tags={"d": tag}),
        )
        Comp(
            "c",
            lambda self, n: pulumi.export(
                "arn", make_queue("kid", f"{prefix}-kid", tags={"own": "y"}, opts=ResourceOptions(parent=self)).arn
            ),
            opts=ResourceOptions(providers=[p]),
        )
        make_queue("plain", f"{prefix}-plain")
        pulumi.export("tags", make_queue("direct", f"{prefix}-direct", opts=ResourceOptions(provider=p)).tags_all)

    return f


PROGRAMS["provider_region"] = [program_step(prov(region="eu-west-1"))]


# --- failures
def fail(bad, name="a"):
    def f(prefix):
        a = make_queue("a", f"{prefix}-a", message_retention_seconds=60 if bad else 61)
        b = (
            aws.iam.RolePolicy(
                "bad", name=f"{prefix}-bad", role=f"{prefix}-nope", policy=POL, opts=ResourceOptions(depends_on=[a])
            )
            if bad
            else None
        )
        make_parameter("c", f"/{prefix}/c", "x" if b is None else b.id)
        make_parameter("free", f"/{prefix}/free", "x")

    return f


def prefail(prefix):
    make_queue("gone", f"{prefix}-gone")
    make_queue("a", f"{prefix}-a")


PROGRAMS["failure_keeps_removed"] = [program_step(prefail), program_step(fail(True)), program_step(prefail)]


def raising(prefix):
    make_queue("a", f"{prefix}-a")
    raise RuntimeError("boom")


PROGRAMS["program_raises"] = [program_step(prefail), program_step(raising), program_step(prefail)]


def one_parameter(n):
    def f(prefix):
        make_parameter("a", f"/{prefix}/{n}", "ours")

    return f


def take_parameter_name(prefix, c):
    c("ssm").put_parameter(Name=f"/{prefix}/z", Value="theirs", Type="String")


PROGRAMS["failed_replace_then_revert"] = [
    program_step(one_parameter("a")),
    by_hand(take_parameter_name),
    program_step(one_parameter("z")),
    program_step(one_parameter("a")),
    program_step(one_parameter("a")),
]
PROGRAMS["failed_replace_then_other_name"] = [
    program_step(one_parameter("a")),
    by_hand(take_parameter_name),
    program_step(one_parameter("z")),
    program_step(one_parameter("y")),
    program_step(one_parameter("y")),
]


def one_table(key, name="t"):
    def f(prefix):
        make_table("t", f"{prefix}-{name}", key)

    return f


def take_table_name(prefix, c):
    c("dynamodb").create_table(
        TableName=f"{prefix}-z",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "a", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "a", "AttributeType": "S"}],
    )


PROGRAMS["failed_table_rename_then_revert"] = [
    program_step(one_table("a")),
    by_hand(take_table_name),
    program_step(one_table("a", "z")),
    program_step(one_table("a")),
    program_step(one_table("a")),
]


def chain(n, bad):
    def f(prefix):
        a = make_queue("a", f"{prefix}-{n}")
        aws.iam.RolePolicy(
            "bad", name=f"{prefix}-bad", role=f"{prefix}-nope", policy=POL, opts=ResourceOptions(depends_on=[a])
        ) if bad else None

    return f


PROGRAMS["replace_then_later_failure_then_revert"] = [
    program_step(chain("one", False)),
    program_step(chain("two", True)),
    program_step(chain("one", False)),
    program_step(chain("one", False)),
]


def bfull(with_b):
    def f(prefix):
        if with_b:
            aws.s3.Bucket("b", bucket=f"{prefix}-full")
        make_parameter("x", f"/{prefix}/x")

    return f


def fill(prefix, c):
    c("s3").put_object(Bucket=f"{prefix}-full", Key="k", Body=b"x")


def empty(prefix, c):
    c("s3").delete_object(Bucket=f"{prefix}-full", Key="k")


PROGRAMS["delete_refused_then_retry"] = [
    program_step(bfull(True)),
    by_hand(fill),
    program_step(bfull(False)),
    by_hand(empty),
    program_step(bfull(False)),
]


# --- behind the back
def two(prefix):
    a = make_queue("a", f"{prefix}-a", message_retention_seconds=60)
    make_parameter("b", f"/{prefix}/b", "v")
    make_parameter("c", f"/{prefix}/c", a.url)


def gone(prefix, c):
    c("ssm").delete_parameter(Name=f"/{prefix}/b")


PROGRAMS["deleted_behind"] = [program_step(two), by_hand(gone), program_step(two), program_step(two, refresh=True)]


def two_upd(prefix):
    a = make_queue("a", f"{prefix}-a", message_retention_seconds=60)
    make_parameter("b", f"/{prefix}/b", "v2")
    make_parameter("c", f"/{prefix}/c", a.url)


PROGRAMS["deleted_behind_then_update"] = [
    program_step(two),
    by_hand(gone),
    program_step(two_upd),
    program_step(two_upd, refresh=True),
]


# --- identities
def swap(kind, x, y):
    def f(prefix):
        k = {
            "q": lambda n, v: make_queue(n, f"{prefix}-{v}"),
            "p": lambda n, v: make_parameter(n, f"/{prefix}/{v}", n),
            "l": lambda n, v: aws.cloudwatch.LogGroup(n, name=f"/{prefix}/{v}", retention_in_days=7),
        }[kind]
        k("one", x)
        k("two", y)

    return f


PROGRAMS["swap_names_queue"] = [
    program_step(swap("q", "a", "b")),
    program_step(swap("q", "b", "a")),
    program_step(swap("q", "b", "a")),
]
PROGRAMS["swap_names_param"] = [
    program_step(swap("p", "a", "b")),
    program_step(swap("p", "b", "a")),
    program_step(swap("p", "b", "a")),
]


def ren(kind, n):
    def f(prefix):
        {
            "q": lambda: make_queue(n, f"{prefix}-x"),
            "p": lambda: make_parameter(n, f"/{prefix}/x", "v"),
            "l": lambda: aws.cloudwatch.LogGroup(n, name=f"/{prefix}/x"),
            "b": lambda: aws.s3.Bucket(n, bucket=f"{prefix}-x"),
            "s": lambda: aws.sns.Topic(n, name=f"{prefix}-x"),
            "t": lambda: make_table(n, f"{prefix}-x"),
        }[kind]()

    return f


for k in "qplbst":
    PROGRAMS[f"renamed_same_physical_{k}"] = [
        program_step(ren(k, "old")),
        program_step(ren(k, "new")),
        program_step(ren(k, "new")),
    ]


# --- import, get
def mk(prefix, c):
    c("ssm").put_parameter(Name=f"/{prefix}/i", Value="v", Type="String")
    c("sqs").create_queue(QueueName=f"{prefix}-i")


def imp(with_import, v="v"):
    def f(prefix):
        make_parameter("i", f"/{prefix}/i", v, opts=ResourceOptions(import_=f"/{prefix}/i") if with_import else None)

    return f


PROGRAMS["import_mismatch"] = [by_hand(mk), program_step(imp(True, "other"))]


def getp(prefix):
    p = aws.ssm.Parameter.get("i", f"/{prefix}/i")
    pulumi.export("v", p.value)
    make_parameter("u", f"/{prefix}/u", p.name)


def getmissing(prefix):
    p = aws.ssm.Parameter.get("i", f"/{prefix}/nope")
    pulumi.export("v", p.value)


PROGRAMS["get"] = [by_hand(mk), program_step(getp), program_step(getp), program_step(nothing)]
PROGRAMS["get_missing"] = [program_step(getmissing)]
PROGRAMS["managed_to_get"] = [
    program_step(one_parameter("i")),
    program_step(lambda prefix: pulumi.export("v", aws.ssm.Parameter.get("a", f"/{prefix}/i").name)),
]
PROGRAMS["get_to_managed"] = [by_hand(mk), program_step(getp), program_step(imp(False))]


def sref(prefix):
    r = pulumi.StackReference("organization/diff/none")
    pulumi.export("x", r.get_output("a"))


PROGRAMS["stack_reference"] = [program_step(sref)]


# --- preview unknowns
def cond(prefix):
    a = make_queue("a", f"{prefix}-a")
    a.url.apply(lambda u: make_parameter("inner", f"/{prefix}/inner", u))
    make_parameter("c", f"/{prefix}/c", a.url.apply(lambda u: u.upper()))
    pulumi.export("u", a.url.apply(lambda u: u + "!"))


def cond2(prefix):
    a = make_queue("a", f"{prefix}-a2")
    a.url.apply(lambda u: make_parameter("inner", f"/{prefix}/inner", u))
    make_parameter("c", f"/{prefix}/c", a.url.apply(lambda u: u.upper()))


PROGRAMS["preview_unknown_apply"] = [program_step(cond), program_step(cond), program_step(cond2)]


def upd_unknown(r):
    def f(prefix):
        a = make_queue("a", f"{prefix}-a", message_retention_seconds=r)
        make_parameter("dep", f"/{prefix}/dep", a.url)
        make_parameter("dep2", f"/{prefix}/dep2", a.message_retention_seconds.apply(str))

    return f


PROGRAMS["preview_update_known_outputs"] = [program_step(upd_unknown(60)), program_step(upd_unknown(61))]


def version_as_value(d):
    def f(prefix):
        p = make_parameter("a", f"/{prefix}/a", "v", description=d)
        make_parameter("b", f"/{prefix}/b", p.version.apply(str))

    return f


PROGRAMS["update_changes_computed_output"] = [
    program_step(version_as_value("1")),
    program_step(version_as_value("2")),
    program_step(version_as_value("2")),
]


# --- urns and others
def nested(prefix):
    Comp(
        "x",
        lambda s, n: Comp(
            "y",
            lambda s2, n2: make_queue("q", f"{prefix}-q1", opts=ResourceOptions(parent=s2)),
            t="my:c:In",
            opts=ResourceOptions(parent=s),
        ),
        t="my:c:One",
    )
    Comp(
        "z",
        lambda s, n: Comp(
            "y2",
            lambda s2, n2: make_queue("q", f"{prefix}-q2", opts=ResourceOptions(parent=s2)),
            t="my:c:In",
            opts=ResourceOptions(parent=s),
        ),
        t="my:c:Two",
    )


PROGRAMS["nested_components_same_leaf"] = [program_step(nested)]


PROGRAMS["none_in_path"] = [program_step(lambda prefix: make_parameter("n", f"/{prefix}/None/x", "a"))]
PROGRAMS["twice"] = [program_step(lambda prefix: (make_queue("a", f"{prefix}-a"), make_queue("a", f"{prefix}-a")))]


def delwith(on):
    def f(prefix):
        if on:
            r = aws.iam.Role("r", name=f"{prefix}-r", assume_role_policy=TRUST)
            make_parameter("p", f"/{prefix}/p", opts=ResourceOptions(deleted_with=r))

    return f


PROGRAMS["deleted_with"] = [program_step(delwith(True)), program_step(nothing)]


def rtrig(v):
    def f(prefix):
        make_parameter("p", f"/{prefix}/p", opts=ResourceOptions(replacement_trigger=v, delete_before_replace=True))

    return f


PROGRAMS["replacement_trigger"] = [program_step(rtrig("1")), program_step(rtrig("2"))]


def rwith(n):
    def f(prefix):
        q = make_queue("q", f"{prefix}-{n}")
        make_parameter("p", f"/{prefix}/p", opts=ResourceOptions(replace_with=[q], delete_before_replace=True))

    return f


PROGRAMS["replace_with"] = [program_step(rwith("one")), program_step(rwith("two"))]


def transf(prefix):
    def t(args):
        return pulumi.ResourceTransformResult(props={**args.props, "value": "transformed"}, opts=args.opts)

    p = make_parameter("p", f"/{prefix}/p", "raw", opts=ResourceOptions(transforms=[t]))
    pulumi.export("v", p.name)


PROGRAMS["transforms"] = [program_step(transf)]


def hooked(prefix):
    h = pulumi.ResourceHook("h", lambda args: None)
    make_parameter("p", f"/{prefix}/p", "raw", opts=ResourceOptions(hooks=pulumi.ResourceHookBinding(after_create=[h])))


PROGRAMS["hooks"] = [program_step(hooked)]


def component_alone(prefix):
    Comp("c", lambda s, n: None)
    pulumi.export("o", pulumi.get_organization())
    pulumi.export("s", [pulumi.get_project()])
    pulumi.log.warn("careful")


PROGRAMS["component_only"] = [program_step(component_alone), program_step(nothing)]


def typ(t):
    def f(prefix):
        make_parameter("x", f"/{prefix}/x") if t == 1 else make_queue("x", f"{prefix}-x")

    return f


PROGRAMS["type_changed_same_name"] = [program_step(typ(1)), program_step(typ(2))]


def topicpol(n):
    def f(prefix):
        t = aws.sns.Topic("t", name=f"{prefix}-{n}", opts=ResourceOptions(delete_before_replace=True))
        q = make_queue("q", f"{prefix}-q")
        aws.sns.TopicSubscription(
            "s", topic=t.arn, protocol="sqs", endpoint=q.arn, opts=ResourceOptions(delete_before_replace=True)
        )

    return f


PROGRAMS["dbr_topic_subscription"] = [
    program_step(topicpol("t1")),
    program_step(topicpol("t2")),
    program_step(topicpol("t2")),
]


def fifo(on):
    def f(prefix):
        t = aws.sns.Topic(
            "t",
            name=f"{prefix}-t" + (".fifo" if on else ""),
            fifo_topic=on or None,
            opts=ResourceOptions(delete_before_replace=True),
        )
        make_parameter("p", f"/{prefix}/p", t.arn)

    return f


PROGRAMS["topic_fifo"] = [program_step(fifo(False)), program_step(fifo(True))]


# --- kill
def killp(prefix):
    a = make_queue("a", f"{prefix}-a")
    b = make_parameter("b", f"/{prefix}/b", a.url)
    k = aws.kms.Key("k", description=prefix, opts=ResourceOptions(depends_on=[b]))
    make_parameter("c", f"/{prefix}/c", "x", opts=ResourceOptions(depends_on=[k]))


PROGRAMS["kill_after_create"] = [
    program_step(killp, kill="create=/{prefix}/b"),
    program_step(killp),
    program_step(killp),
]
PROGRAMS["kill_after_create_no_identity"] = [program_step(killp, kill="create=?"), program_step(killp)]
PROGRAMS["kill_during_replace"] = [
    program_step(one_parameter("a")),
    program_step(one_parameter("z"), kill="create=/{prefix}/z"),
    program_step(one_parameter("a")),
    program_step(one_parameter("a")),
]
PROGRAMS["kill_during_replace_same"] = [
    program_step(one_parameter("a")),
    program_step(one_parameter("z"), kill="create=/{prefix}/z"),
    program_step(one_parameter("z")),
    program_step(one_parameter("z")),
]
PROGRAMS["kill_in_dbr"] = [
    program_step(one_table("a")),
    program_step(one_table("b"), kill="delete={prefix}-t"),
    program_step(one_table("b")),
]


# Each one depends on the one before, so that one deletion at a time can be under way when it is killed.
def in_order(prefix):
    a = make_queue("a", f"{prefix}-a", message_retention_seconds=60)
    b = make_parameter("b", f"/{prefix}/b", a.url)
    make_parameter("c", f"/{prefix}/c", b.value)


PROGRAMS["kill_in_delete"] = [
    program_step(in_order),
    program_step(nothing, kill="delete=/{prefix}/b"),
    program_step(nothing),
]

# --- a failed replacement, then a change of mind
PROGRAMS["failed_replace_then_destroy"] = [
    program_step(one_parameter("a")),
    by_hand(take_parameter_name),
    program_step(one_parameter("z")),
    {"destroy": True},
]


def dbr_fail(n, key):
    def f(prefix):
        make_table("t", f"{prefix}-{n}", key, opts=ResourceOptions(delete_before_replace=True))

    return f


PROGRAMS["dbr_create_fails_then_revert"] = [
    program_step(dbr_fail("t", "a")),
    by_hand(take_table_name),
    program_step(dbr_fail("z", "a")),
    program_step(dbr_fail("t", "a")),
    program_step(dbr_fail("t", "a")),
]


def retable(n, r=True):
    def f(prefix):
        make_table("t", f"{prefix}-{n}", "a", opts=ResourceOptions(retain_on_delete=r))

    return f


PROGRAMS["failed_replace_retained_then_revert"] = [
    program_step(retable("t")),
    by_hand(take_table_name),
    program_step(retable("z")),
    program_step(retable("t")),
    program_step(retable("t")),
]


def dbr_protdep(path):
    def f(prefix):
        r = aws.iam.Role("r", name=f"{prefix}-r", path=path, assume_role_policy=TRUST)
        aws.iam.RolePolicy("p", name=f"{prefix}-p", role=r.name, policy=POL, opts=ResourceOptions(protect=True))

    return f


PROGRAMS["dbr_protected_dependent"] = [program_step(dbr_protdep("/")), program_step(dbr_protdep("/x/"))]


PROGRAMS["renamed_same_physical_thrice"] = [
    program_step(ren("p", "old")),
    program_step(ren("p", "new")),
    program_step(ren("p", "new")),
    program_step(ren("p", "new")),
]


def numbers(v):
    def f(prefix):
        make_queue("q", f"{prefix}-q", message_retention_seconds=v, tags={"n": "1"})

    return f


PROGRAMS["number_forms"] = [
    program_step(numbers(60)),
    program_step(numbers(60.0)),
    program_step(numbers(60)),
]


# --- transforms, order, exports, failures


def stacktrans(prefix):
    def t(args):
        return pulumi.ResourceTransformResult(props={**args.props, "value": "transformed"}, opts=args.opts)

    pulumi.runtime.register_resource_transform(t)
    make_parameter("p", f"/{prefix}/p", "raw")


PROGRAMS["stack_transform"] = [program_step(stacktrans)]


def oldtrans(prefix):
    def t(args):
        return pulumi.ResourceTransformationResult(props={**args.props, "description": "T"}, opts=args.opts)

    make_parameter("p", f"/{prefix}/p", "raw", opts=ResourceOptions(transformations=[t]))


PROGRAMS["transformations"] = [program_step(oldtrans)]


def order_move(n, extra):
    def f(prefix):
        a = aws.iam.Role("a", name=f"{prefix}-{n}", assume_role_policy=TRUST)
        aws.iam.RolePolicy("p", name=f"{prefix}-p", role=a.name, policy=POL)
        if extra:
            make_queue("q", f"{prefix}-q", opts=ResourceOptions(depends_on=[a]))

    return f


PROGRAMS["replace_and_remove_dependent_by_dependson"] = [
    program_step(order_move("a", True)),
    program_step(order_move("b", False)),
]


def unset(v):
    def f(prefix):
        make_parameter("a", f"/{prefix}/a", "v", **v)

    return f


PROGRAMS["input_removed"] = [program_step(unset({"description": "d", "tags": {"x": "1"}})), program_step(unset({}))]


def dup_export(prefix):
    pulumi.export("a", 1)
    pulumi.export("a", 2)


PROGRAMS["export_twice"] = [program_step(dup_export)]


def many_fail(prefix):
    for i in range(6):
        make_queue(f"q{i}", f"{prefix}-q{i}")
    aws.iam.RolePolicy("bad", name=f"{prefix}-bad", role=f"{prefix}-nope", policy=POL)
    aws.iam.RolePolicy("bad2", name=f"{prefix}-bad2", role=f"{prefix}-nope", policy=POL)


PROGRAMS["two_failures"] = [program_step(many_fail)]


def log_err(prefix):
    make_queue("a", f"{prefix}-a")
    pulumi.log.error("something is wrong")


PROGRAMS["log_error"] = [program_step(log_err)]


# --- deleteBeforeReplace with dependents; protect and retain


def dbr_q_same(r):
    def f(prefix):
        q = make_queue(
            "q",
            f"{prefix}-q",
            message_retention_seconds=r,
            opts=ResourceOptions(delete_before_replace=True, replace_on_changes=["messageRetentionSeconds"]),
        )
        aws.sqs.QueuePolicy("qp", queue_url=q.url, policy=POL, opts=ResourceOptions(delete_before_replace=True))

    return f


PROGRAMS["dbr_queue_same_name_policy"] = [
    program_step(dbr_q_same(60)),
    program_step(dbr_q_same(61)),
    program_step(dbr_q_same(61)),
]


def dbr_table_scaling(key):
    def f(prefix):
        t = aws.dynamodb.Table(
            "t",
            name=f"{prefix}-t",
            billing_mode="PROVISIONED",
            read_capacity=1,
            write_capacity=1,
            hash_key=key,
            attributes=[aws.dynamodb.TableAttributeArgs(name=key, type="S")],
            opts=ResourceOptions(delete_before_replace=True),
        )
        aws.appautoscaling.Target(
            "tg",
            service_namespace="dynamodb",
            resource_id=pulumi.Output.concat("table/", t.name),
            scalable_dimension="dynamodb:table:ReadCapacityUnits",
            min_capacity=1,
            max_capacity=5,
            opts=ResourceOptions(delete_before_replace=True),
        )

    return f


PROGRAMS["dbr_table_with_scaling"] = [program_step(dbr_table_scaling("a")), program_step(dbr_table_scaling("b"))]


def dbr_three(path):
    def f(prefix):
        r = aws.iam.Role(
            "r",
            name=f"{prefix}-r",
            path=path,
            assume_role_policy=TRUST,
            opts=ResourceOptions(delete_before_replace=True),
        )
        make_parameter("p", f"/{prefix}/p", r.arn)
        q = make_queue("q", f"{prefix}-q")
        make_parameter("p2", f"/{prefix}/p2", q.url, opts=ResourceOptions(depends_on=[r]))

    return f


PROGRAMS["dbr_updatable_dependents"] = [program_step(dbr_three("/")), program_step(dbr_three("/x/"))]


PROGRAMS["retain_pending_flag_from_old"] = [
    program_step(ret("a", True)),
    program_step(ret("a", False)),
    program_step(ret("z", False)),
]


def keepcomp(protected, kid):
    def f(prefix):
        Comp(
            "c",
            lambda self, n: (
                make_queue("kid", f"{prefix}-kid", opts=ResourceOptions(parent=self, protect=False)) if kid else None
            ),
            opts=ResourceOptions(protect=protected),
        )

    return f


PROGRAMS["protect_component_child_false"] = [
    program_step(keepcomp(True, True)),
    program_step(keepcomp(True, False)),
    program_step(nothing),
]
