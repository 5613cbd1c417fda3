"""Writes linear models and neural networks as plain C99: constant arrays and loops, two buffers on the stack."""

from __future__ import annotations

from model_builder.compression.ensemble import Link
from model_builder.exports.cheader import header
from model_builder.exports.cparts import GUARD, arguments, code, known, link_lines, plain, verdict
from model_builder.exports.ctext import array, prefix
from model_builder.exports.model import Source, Written
from model_builder.exports.network import Network

_ACTIVE = {
    "relu": "sum > 0.0F ? sum : 0.0F",
    "tanh": "tanhf(sum)",
    "logistic": "1.0F / (1.0F + expf(-sum))",
    "identity": "sum",
}


def write_network(source: Source, network: Network) -> Written:
    """Write ``NAME.h`` and ``NAME.c``."""
    name = prefix(source.name)
    needs_math = len(network.layers) > 1 or network.link is not Link.IDENTITY
    includes = ["#include <math.h>"] * needs_math + ["#include <string.h>"] * bool(source.categories)
    parts = [
        f'/* {source.name}: see {name}.h. */\n\n#include "{name}.h"\n\n' + "\n".join(includes) + f"\n\n{GUARD}",
        _arrays(network, source),
        plain(source),
        _layer(),
        _predict(name, source, network),
        *([code(name, source)] if source.categories else []),
    ]
    sizes = [network.features, *(len(layer.bias) for layer in network.layers)]
    detail = f"layers of {' to '.join(str(size) for size in sizes)}, {network.bytes:,} bytes of numbers"
    files = {f"{name}.h": header(source).encode(), f"{name}.c": "\n".join(parts).encode()}
    return Written(files, detail, network.bytes)


def _arrays(network: Network, source: Source) -> str:
    parts = [
        "/* What stands for a missing value, what is taken off a column, what it is multiplied by. */\n",
        array("FILL", network.fill),
        array("SHIFT", network.shift),
        array("SCALE", network.scale),
    ]
    for index, layer in enumerate(network.layers):
        parts.append(f"/* Layer {index + 1}: weights, one row for each of its inputs, and what is added. */\n")
        parts.append(array(f"WEIGHTS_{index}", layer.weights.reshape(-1)))
        parts.append(array(f"BIAS_{index}", layer.bias))
    return "".join([*parts, *known(source)])


def _layer() -> str:
    return """\
static float neuron(const float *given, uint32_t inputs, const float *weights, uint32_t outputs, uint32_t output)
{
    float sum = 0.0F;
    uint32_t input;
    for (input = 0; input < inputs; input++) {
        sum += given[input] * weights[input * outputs + output];
    }
    return sum;
}
"""


def _predict(name: str, source: Source, network: Network) -> str:
    categories, outputs = bool(source.categories), network.outputs
    macro, last = name.upper(), len(network.layers) - 1
    given = f"const float numeric[{macro}_NUMERIC], "
    if categories:
        given += f"const int16_t categorical[{macro}_CATEGORICAL], "
    widths = [network.features, *(len(layer.bias) for layer in network.layers)]
    lines = [f"    float even[{max(widths[:-1:2])}];"]
    lines += [f"    float odd[{max(widths[1:-1:2])}];"] if last else []
    lines += ["    uint32_t output;"]
    lines += ["    int best = 0;"] if source.signature.threshold is None else []
    lines += [
        f"    for (output = 0; output < {network.features}U; output++) {{",
        f"        float value = plain(output, {arguments(categories)});",
        "        value = value != value ? FILL[output] : value;",
        "        even[output] = (value - SHIFT[output]) * SCALE[output];",
        "    }",
    ]
    for index, layer in enumerate(network.layers):
        source_name = "even" if index % 2 == 0 else "odd"
        target = "scores" if index == last else ("odd" if index % 2 == 0 else "even")
        inputs, width = layer.weights.shape
        call = f"neuron({source_name}, {inputs}U, WEIGHTS_{index}, {width}U, output) + BIAS_{index}[output]"
        active = "sum" if index == last else _ACTIVE[network.activation]
        lines += [
            f"    for (output = 0; output < {width}U; output++) {{",
            f"        const float sum = {call};",
            f"        {target}[output] = {active};",
            "    }",
        ]
    lines += [each for each in (link_lines(network.link, outputs), verdict(source, outputs)) if each]
    body = "\n".join(lines)
    return f"int {name}_predict({given}float scores[{macro}_SCORES])\n{{\n{body}\n}}\n"
