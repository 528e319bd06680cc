#!/usr/bin/env python3
"""Builds the JSON field table for `xtask envoy-schema` from a serialised FileDescriptorSet.

    pip install protobuf
    python schema_table.py PATH/TO/descriptor-set.bin --source 'crate envoy-types 0.7.7, src/generated/types.bin' > envoy-schema.json
"""
import argparse, json, re, sys
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

NAMES = {1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 6: "fixed64", 7: "fixed32", 8: "bool", 9: "string", 12: "bytes", 13: "uint32", 15: "sfixed32", 16: "sfixed64", 17: "sint32", 18: "sint64"}


def camel(name):
    return re.sub(r"_([a-z0-9])", lambda m: m.group(1).upper(), name)


def plain(msg):
    """A validate.*Rules message as plain JSON."""
    out = {}
    for f, v in msg.ListFields():
        rep = f.is_repeated if hasattr(f, "is_repeated") else f.label == 3
        one = (lambda x: (f"{x.seconds + x.nanos / 1e9:g}s" if f.message_type.name == "Duration" else plain(x))) if f.message_type else (lambda x: x.hex() if isinstance(x, bytes) else x)
        out[f.name] = [one(x) for x in v] if rep else one(v)
    return out


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("descriptors")
    a.add_argument("--source", required=True)
    o = a.parse_args()
    files = descriptor_pb2.FileDescriptorSet()
    with open(o.descriptors, "rb") as f:
        files.ParseFromString(f.read())
    pool, by_name, done = descriptor_pool.DescriptorPool(), {f.name: f for f in files.file}, set()

    def add(n):
        if n not in done:
            done.add(n)
            for d in by_name[n].dependency:
                add(d)
            pool.Add(by_name[n])

    for n in by_name:
        add(n)
    ext = {n: pool.FindExtensionByName(n) for n in ("validate.rules", "validate.required", "envoy.annotations.deprecated_at_minor_version", "envoy.annotations.disallowed_by_default",
                                                    "xds.annotations.v3.field_status", "udpa.annotations.sensitive")}
    field_options, oneof_options = (message_factory.GetMessageClass(pool.FindMessageTypeByName(f"google.protobuf.{n}")) for n in ("FieldOptions", "OneofOptions"))
    message_factory.GetMessageClassesForFiles(list(by_name), pool)
    messages, enums, maps = {}, {}, {}

    def enum(prefix, e):
        enums[prefix + e.name] = {v.name: v.number for v in e.value}

    def message(prefix, m):
        full = prefix + m.name
        if m.options.map_entry:
            maps[full] = m
            return
        for x in m.nested_type:
            message(full + ".", x)
        for e in m.enum_type:
            enum(full + ".", e)
        fields, oneofs = {}, {}
        for i, q in enumerate(m.oneof_decl):
            opt = oneof_options.FromString(q.options.SerializeToString())
            oneofs[i] = {"name": q.name, **({"required": True} if opt.Extensions[ext["validate.required"]] else {})}
        for f in m.field:
            e, tn = {}, f.type_name.lstrip(".")
            if f.type == 11 and tn in maps:
                kv = {x.name: x for x in maps[tn].field}
                e["map_key"] = NAMES[kv["key"].type]
                f_type, tn = kv["value"].type, kv["value"].type_name.lstrip(".")
            else:
                f_type = f.type
                if f.label == 3:
                    e["repeated"] = True
            e["type"] = NAMES.get(f_type) or ("enum " if f_type == 14 else "") + tn
            if camel(f.name) != f.name:
                e["json"] = f.json_name
            assert f.json_name == camel(f.name), (full, f.name)
            if f.HasField("oneof_index"):
                e["oneof"] = oneofs[f.oneof_index]["name"]
            opt = field_options.FromString(f.options.SerializeToString())
            if f.options.deprecated:
                e["deprecated"] = opt.Extensions[ext["envoy.annotations.deprecated_at_minor_version"]] or True
            if opt.Extensions[ext["envoy.annotations.disallowed_by_default"]]:
                e["disallowed_by_default"] = True
            if opt.Extensions[ext["xds.annotations.v3.field_status"]].work_in_progress:
                e["work_in_progress"] = True
            if opt.Extensions[ext["udpa.annotations.sensitive"]]:
                e["sensitive"] = True
            if opt.HasExtension(ext["validate.rules"]):
                e["rules"] = plain(opt.Extensions[ext["validate.rules"]])
            fields[f.name] = e
        messages[full] = {"fields": fields}
        need = [q["name"] for q in oneofs.values() if q.get("required")]
        if need:
            messages[full]["required_oneofs"] = need
        if m.options.deprecated:
            messages[full]["deprecated"] = True

    for f in files.file:
        p = f.package + "." if f.package else ""
        for m in f.message_type:
            message(p, m)
        for e in f.enum_type:
            enum(p, e)
    keep, todo = set(), [m for m in messages if m.startswith(("envoy.", "xds.", "udpa."))]
    while todo:
        m = todo.pop()
        if m in keep:
            continue
        keep.add(m)
        todo += [f["type"] for f in messages[m]["fields"].values() if f["type"] in messages]
    used = {f["type"][5:] for m in keep for f in messages[m]["fields"].values() if f["type"].startswith("enum ")}
    table = {"about": {"source": o.source, "licence": "Apache-2.0 (Envoy data-plane-api, xds and their dependencies)", "messages": len(keep), "fields": sum(len(messages[m]["fields"]) for m in keep), "enums": len(used),
                       "any": "every message M may stand in an Any as '@type': '<anything>/M', usually 'type.googleapis.com/M'"},
             "enums": {k: enums[k] for k in sorted(used)}, "messages": {k: messages[k] for k in sorted(keep)}}
    s = json.dumps(table, sort_keys=True, separators=(",", ":"))
    sys.stdout.write(s.replace('},"envoy.', '},\n"envoy.') + "\n")


if __name__ == "__main__":
    main()
