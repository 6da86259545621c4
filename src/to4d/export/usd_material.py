"""The materials of a mesh in a USD stage (openusd.org, UsdPreviewSurface)."""

from pathlib import Path
from typing import Any

import numpy as np

from to4d.export.gltf.appearance import encode_texture, linear_from_srgb
from to4d.types import Mesh


def add_materials(stage: Any, body: Any, mesh: Mesh, folder: Path) -> None:
    """Texture coordinates, and a material for the triangles of each slot."""
    from pxr import Sdf, UsdGeom, UsdShade, Vt

    uv = UsdGeom.PrimvarsAPI(body).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.faceVarying)
    uv.Set(Vt.Vec2fArray.FromNumpy(np.ascontiguousarray(mesh.uv.numpy().reshape(-1, 2))))
    UsdShade.MaterialBindingAPI.Apply(body.GetPrim())
    for number in range(len(mesh.materials)):
        material = _material(stage, mesh, number, folder)
        mine = np.flatnonzero(mesh.material.numpy() == number).astype(np.int32)
        binding = UsdShade.MaterialBindingAPI(body)
        subset = binding.CreateMaterialBindSubset(f"slot_{number}", Vt.IntArray.FromNumpy(mine))
        UsdShade.MaterialBindingAPI.Apply(subset.GetPrim()).Bind(material)


def _material(stage: Any, mesh: Mesh, number: int, folder: Path) -> Any:
    """A preview material that is rough and not metal, with its texture as a PNG file in `folder`."""
    from pxr import Sdf, UsdShade

    source, path = mesh.materials[number], f"/asset/material_{number}"
    material = UsdShade.Material.Define(stage, path)
    if source.name:
        material.GetPrim().SetDisplayName(source.name)
    shader = UsdShade.Shader.Define(stage, f"{path}/surface")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(1.0)
    diffuse = shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f)
    color = linear_from_srgb(np.array(source.color[:3])).tolist()
    opacity = shader.CreateInput("opacity", Sdf.ValueTypeNames.Float)
    opacity.Set(source.color[3])
    if source.alpha == "mask":
        shader.CreateInput("opacityThreshold", Sdf.ValueTypeNames.Float).Set(source.cutoff)
    if (picture := encode_texture(source)) is None:
        diffuse.Set(tuple(color))
    else:
        texture = _texture(stage, path, f"texture_{number}.png", [*color, source.color[3]])
        (folder / f"texture_{number}.png").write_bytes(picture)
        diffuse.ConnectToSource(texture.CreateOutput("rgb", Sdf.ValueTypeNames.Float3))
        if source.alpha != "opaque":
            opacity.ConnectToSource(texture.CreateOutput("a", Sdf.ValueTypeNames.Float))
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    return material


def _texture(stage: Any, path: str, file: str, scale: list[float]) -> Any:
    """The shader that reads a picture at the primvar `st`, times a colour."""
    from pxr import Gf, Sdf, UsdShade

    place = UsdShade.Shader.Define(stage, f"{path}/st")
    place.CreateIdAttr("UsdPrimvarReader_float2")
    place.CreateInput("varname", Sdf.ValueTypeNames.String).Set("st")
    texture = UsdShade.Shader.Define(stage, f"{path}/texture")
    texture.CreateIdAttr("UsdUVTexture")
    texture.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(file)
    texture.CreateInput("scale", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(*scale))
    texture.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set("sRGB")
    for wrap in ("wrapS", "wrapT"):
        texture.CreateInput(wrap, Sdf.ValueTypeNames.Token).Set("repeat")
    spot = place.CreateOutput("result", Sdf.ValueTypeNames.Float2)
    texture.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(spot)
    return texture
