"""Roles, body class and front out of joints' names, for the conventions of the usual rigging tools."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from to4d.rig.own.file_skeleton import Skeleton, nearest_named, parents_first
from to4d.rig.own.joint_names import JointRoles, joint_roles
from to4d.rig.own.name_words import read_name

# slot: parent, place of the joint, or of that of the left side
BIPED = {
    "hips": (None, (0, 1.0, 0)),
    "spine": ("hips", (0, 1.12, 0)),
    "chest": ("spine", (0, 1.3, 0)),
    "neck": ("chest", (0, 1.5, 0)),
    "head": ("neck", (0, 1.6, 0.02)),
    "thigh": ("hips", (0.1, 0.95, 0)),
    "shin": ("thigh", (0.1, 0.5, 0.01)),
    "foot": ("shin", (0.1, 0.08, -0.02)),
    "toe": ("foot", (0.1, 0.02, 0.1)),
    "clavicle": ("chest", (0.05, 1.45, 0)),
    "upper_arm": ("clavicle", (0.18, 1.42, 0)),
    "forearm": ("upper_arm", (0.45, 1.42, 0)),
    "hand": ("forearm", (0.7, 1.42, 0)),
    "finger": ("hand", (0.78, 1.42, 0.02)),
}
BIPED_CHAINS = {
    "leg": ["thigh", "shin", "foot", "toe"],
    "arm": ["clavicle", "upper_arm", "forearm", "hand"],
}
MIDDLE = ("hips", "spine", "chest", "neck", "head", "tail1", "tail2")
# sides, and the name of each slot of BIPED; {} is the side
NAMES = {
    "Mixamo": (
        ("Left", "Right"),
        """mixamorig:Hips mixamorig:Spine mixamorig:Spine2 mixamorig:Neck mixamorig:Head mixamorig:{}UpLeg
        mixamorig:{}Leg mixamorig:{}Foot mixamorig:{}ToeBase mixamorig:{}Shoulder mixamorig:{}Arm
        mixamorig:{}ForeArm mixamorig:{}Hand mixamorig:{}HandIndex1""",
    ),
    "Rigify": (
        ("L", "R"),
        """DEF-spine DEF-spine.001 DEF-spine.003 DEF-spine.004 DEF-spine.006 DEF-thigh.{} DEF-shin.{}
        DEF-foot.{} DEF-toe.{} DEF-shoulder.{} DEF-upper_arm.{} DEF-forearm.{} DEF-hand.{}
        DEF-f_index.01.{}""",
    ),
    "VRM": (
        ("L", "R"),
        """J_Bip_C_Hips J_Bip_C_Spine J_Bip_C_UpperChest J_Bip_C_Neck J_Bip_C_Head J_Bip_{}_UpperLeg
        J_Bip_{}_LowerLeg J_Bip_{}_Foot J_Bip_{}_ToeBase J_Bip_{}_Shoulder J_Bip_{}_UpperArm
        J_Bip_{}_LowerArm J_Bip_{}_Hand J_Bip_{}_Index1""",
    ),
    "VRM extension": (
        ("left", "right"),
        """hips spine chest neck head {}UpperLeg {}LowerLeg {}Foot {}Toes {}Shoulder {}UpperArm {}LowerArm
        {}Hand {}IndexProximal""",
    ),
    "Unreal": (
        ("l", "r"),
        """pelvis spine_01 spine_03 neck_01 head thigh_{} calf_{} foot_{} ball_{} clavicle_{} upperarm_{}
        lowerarm_{} hand_{} index_01_{}""",
    ),
    "3ds Max Biped": (
        ("L", "R"),
        """Bip001_Pelvis Bip001_Spine Bip001_Spine1 Bip001_Neck Bip001_Head Bip001_{}_Thigh Bip001_{}_Calf
        Bip001_{}_Foot Bip001_{}_Toe0 Bip001_{}_Clavicle Bip001_{}_UpperArm Bip001_{}_Forearm
        Bip001_{}_Hand Bip001_{}_Finger0""",
    ),
    "Quaternius": (
        ("L", "R"),
        """Hips Abdomen Torso Neck Head UpperLeg.{} LowerLeg.{} Foot.{} Toes.{} Shoulder.{} UpperArm.{}
        LowerArm.{} Fist.{} Index1.{}""",
    ),
    "KayKit": (
        ("l", "r"),
        """hips spine chest neck head upperleg.{} lowerleg.{} foot.{} toes.{} shoulder.{} upperarm.{}
        lowerarm.{} hand.{} handslot.{}""",
    ),
    "Daz": (
        ("l", "r"),
        """hip abdomenLower chestUpper neckLower head {}ThighBend {}Shin {}Foot {}Toe {}Collar {}ShldrBend
        {}ForearmBend {}Hand {}Index1""",
    ),
    "Character Creator": (
        ("L", "R"),
        """CC_Base_Hip CC_Base_Waist CC_Base_Spine02 CC_Base_NeckTwist01 CC_Base_Head CC_Base_{}_Thigh
        CC_Base_{}_Calf CC_Base_{}_Foot CC_Base_{}_ToeBase CC_Base_{}_Clavicle CC_Base_{}_Upperarm
        CC_Base_{}_Forearm CC_Base_{}_Hand CC_Base_{}_Index1""",
    ),
    "Advanced Skeleton": (
        ("L", "R"),
        """Root_M Spine1_M Chest_M Neck_M Head_M Hip_{} Knee_{} Ankle_{} Toes_{} Scapula_{} Shoulder_{}
        Elbow_{} Wrist_{} IndexFinger1_{}""",
    ),
    "Auto-Rig Pro": (
        ("l", "r"),
        """root.x spine_01.x spine_02.x neck.x head.x thigh_stretch.{} leg_stretch.{} foot.{} toes_01.{}
        shoulder.{} arm_stretch.{} forearm_stretch.{} hand.{} c_index1.{}""",
    ),
    "Source": (
        ("L", "R"),
        """bip_pelvis bip_spine_0 bip_spine_2 bip_neck bip_head bip_hip_{} bip_knee_{} bip_foot_{} bip_toe_{}
        bip_collar_{} bip_upperArm_{} bip_lowerArm_{} bip_hand_{} bip_index_0_{}""",
    ),
    "Second Life": (
        ("Left", "Right"),
        """mPelvis mTorso mChest mNeck mHead mHip{} mKnee{} mAnkle{} mToe{} mCollar{} mShoulder{} mElbow{}
        mWrist{} mHandIndex1{}""",
    ),
    "lower case": (
        ("left", "right"),
        """hips spine chest neck head {}upleg {}leg {}foot {}toebase {}shoulder {}arm {}forearm {}hand
        {}handthumb1""",
    ),
}
QUADRUPED = {
    "hips": (None, (0, 1.0, -0.6)),
    "spine": ("hips", (0, 1.05, -0.2)),
    "chest": ("spine", (0, 1.05, 0.4)),
    "neck": ("chest", (0, 1.2, 0.6)),
    "head": ("neck", (0, 1.5, 0.8)),
    "tail1": ("hips", (0, 1.0, -0.8)),
    "tail2": ("tail1", (0, 0.8, -1.0)),
    "thigh": ("hips", (0.15, 0.95, -0.6)),
    "shin": ("thigh", (0.15, 0.5, -0.55)),
    "foot": ("shin", (0.15, 0.1, -0.65)),
    "scapula": ("chest", (0.12, 1.0, 0.4)),
    "upper": ("scapula", (0.15, 0.8, 0.45)),
    "lower": ("upper", (0.15, 0.5, 0.4)),
    "paw": ("lower", (0.15, 0.1, 0.42)),
}
QUADRUPED_CHAINS = {"hindleg": ["thigh", "shin", "foot"], "foreleg": ["scapula", "upper", "lower", "paw"]}
QUADRUPED_NAMES = {
    "Quaternius": (
        ("L", "R"),
        """Back Torso Torso2 Neck1 Head Tail1 Tail2 BackUpperLeg.{} BackLowerLeg.{} BackFoot.{}
        FrontShoulder.{} FrontUpperLeg.{} FrontLowerLeg.{} FrontFoot.{}""",
    ),
    "Rigify": (
        ("L", "R"),
        """DEF-pelvis DEF-spine.001 DEF-spine.002 DEF-neck DEF-head DEF-tail DEF-tail.001 DEF-thigh.{}
        DEF-shin.{} DEF-foot.{} DEF-shoulder.{} DEF-front_thigh.{} DEF-front_shin.{}
        DEF-front_foot.{}""",
    ),
    "arms": (
        ("Left", "Right"),
        """b_Hip_01 b_Spine01_02 b_Spine02_03 b_Neck_04 b_Head_05 b_Tail01 b_Tail02 b_{}Leg01_015 b_{}Leg02_016
        b_{}Foot01_017 b_{}Shoulder_08 b_{}UpperArm_09 b_{}ForeArm_010 b_{}Hand_011""",
    ),
    "Mesh2Motion": (
        ("l", "r"),
        """hips spine_1 spine_3 spine_5 head tail_1 tail_2 back_leg_upper_{} back_leg_lower_{} back_leg_foot_{}
        front_scapula_{} front_humerus_{} front_leg_lower_{} front_leg_foot_{}""",
    ),
    "corners": (
        ("L", "R"),
        """pelvis spine01 spine02 neck head tail01 tail02 leg_B{}_1 leg_B{}_2 leg_B{}_3 leg_F{}_1 leg_F{}_2
        leg_F{}_3 leg_F{}_4""",
    ),
    "anatomy": (
        ("L", "R"),
        """Elk_Pelvis ElkSpine1 ElkRibcage ElkNeck1 ElkHead ElkTail1 ElkTail2 Elk{}Femur Elk{}Tibia Elk{}Hoof
        Elk{}Scapula Elk{}Humerus Elk{}Radius Elk{}Hand""",
    ),
}


def build(slots: dict, sides: tuple[str, str], names: str) -> tuple[Skeleton, dict[str, str]]:
    """A skeleton, and where each of its slots is: `thigh L` -> name."""
    entries, where = [], {}
    for slot, name in zip(slots, names.split(), strict=True):
        for side, word in zip("L" if slot in MIDDLE else "LR", sides, strict=False):
            where[slot if slot in MIDDLE else f"{slot} {side}"] = name.format(word)
            entries.append((slot, side, name.format(word)))
    order = {(slot, side): i for i, (slot, side, _) in enumerate(entries)}
    parents, joints = [], []
    for slot, side, _ in entries:
        parent, place = slots[slot]
        parents.append(-1 if parent is None else order[parent, "L" if parent in MIDDLE else side])
        joints.append(np.array(place) * [1.0 if side == "L" else -1.0, 1, 1])
    positions = np.array(joints, float)
    tips = positions + [0.0, 0.0, 0.05]
    for joint, parent in enumerate(parents):
        if parent > 0:
            tips[parent] = positions[joint]
    mass = np.full(len(entries), 1.0 / len(entries))
    return Skeleton(
        tuple(name for _, _, name in entries), tuple(parents), positions, tips, mass, np.ptp(tips, axis=0)
    ), where


def chain(skeleton: Skeleton, found: JointRoles, role: str) -> list[str]:
    ranked = sorted((found.ranks[j], skeleton.names[j]) for j, each in enumerate(found.roles) if each == role)
    return [name for _, name in ranked]


def turned_by(skeleton: Skeleton, degrees: float) -> Skeleton:
    return skeleton.turned(np.deg2rad(degrees))


@pytest.mark.parametrize("tool", NAMES)
def test_a_biped_of_every_tool_has_its_limbs(tool):
    skeleton, where = build(BIPED, *NAMES[tool])
    found = joint_roles(skeleton)
    assert found.body == "biped" and found.yaw == 0.0
    for side in "LR":
        for limb, slots in BIPED_CHAINS.items():
            assert chain(skeleton, found, f"{limb}_{side}") == [where[f"{slot} {side}"] for slot in slots]
        hand = nearest_named(skeleton.parents, found.roles)[skeleton.names.index(where[f"finger {side}"])]
        assert hand == f"arm_{side}"
    assert chain(skeleton, found, "root") == [where["hips"]]
    assert chain(skeleton, found, "spine") == [where["spine"], where["chest"]]
    assert chain(skeleton, found, "neck") == [where["neck"]] and chain(skeleton, found, "head") == [where["head"]]


@pytest.mark.parametrize("tool", QUADRUPED_NAMES)
def test_a_quadruped_of_every_tool_has_its_legs_and_tail(tool):
    skeleton, where = build(QUADRUPED, *QUADRUPED_NAMES[tool])
    found = joint_roles(skeleton)
    assert found.body == "quadruped" and found.yaw == 0.0
    for side in "LR":
        for limb, slots in QUADRUPED_CHAINS.items():
            assert chain(skeleton, found, f"{limb}_{side}") == [where[f"{slot} {side}"] for slot in slots]
    assert chain(skeleton, found, "tail") == [where["tail1"], where["tail2"]]
    assert chain(skeleton, found, "head") == [where["head"]]


@pytest.mark.parametrize("slots", [BIPED, QUADRUPED], ids=["biped", "quadruped"])
def test_joints_without_meaning_have_the_same_limbs_by_geometry(slots):
    names = NAMES["Mixamo"] if slots is BIPED else QUADRUPED_NAMES["Quaternius"]
    skeleton, _ = build(slots, *names)
    named = joint_roles(skeleton)
    nameless = joint_roles(replace(skeleton, names=tuple(f"Bone.{i:03d}" for i in range(len(skeleton.names)))))
    assert nameless.body == named.body
    limbs = {role for role in named.roles if role.endswith(("_L", "_R"))} | {"head", "tail"} & set(named.roles)
    for role in limbs:
        mine = {j for j, each in enumerate(named.roles) if each == role}
        assert len(mine & {j for j, each in enumerate(nameless.roles) if each == role}) >= len(mine) - 1, role


@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
@pytest.mark.parametrize("slots", [BIPED, QUADRUPED], ids=["biped", "quadruped"])
def test_names_of_both_sides_tell_where_a_body_faces(slots, degrees):
    skeleton, where = build(slots, *(NAMES["Mixamo"] if slots is BIPED else QUADRUPED_NAMES["Quaternius"]))
    found = joint_roles(turned_by(skeleton, degrees))
    assert np.isclose(np.cos(found.yaw - np.deg2rad(degrees)), 1.0)
    assert where["shin L"] in chain(skeleton, found, "leg_L" if slots is BIPED else "hindleg_L")


def test_names_that_swap_the_sides_of_a_quadruped_lose_against_its_head_and_tail():
    (left, right), names = QUADRUPED_NAMES["Quaternius"]
    skeleton, where = build(QUADRUPED, (right, left), names)
    found = joint_roles(skeleton)
    assert found.yaw == 0.0
    assert where["thigh L"] in chain(skeleton, found, "hindleg_L")  # which is called right


def test_one_wrong_name_does_not_move_a_limb_to_the_other_side():
    skeleton, where = build(BIPED, *NAMES["Quaternius"])
    names = tuple("UpperLeg.L.001" if name == "UpperLeg.R" else name for name in skeleton.names)
    found = joint_roles(replace(skeleton, names=names))
    assert chain(skeleton, found, "leg_R") == [where[f"{slot} R"] for slot in BIPED_CHAINS["leg"]]


def test_sides_come_from_geometry_where_names_have_none():
    skeleton, _ = build(BIPED, ("", ""), NAMES["Second Life"][1])
    found = joint_roles(skeleton)
    assert found.body == "biped"
    for joint, role in enumerate(found.roles):
        if role.endswith("_L"):
            assert skeleton.joints[joint, 0] > 0


def with_joints(skeleton: Skeleton, *more: tuple[str, str, tuple[float, float, float], float]) -> Skeleton:
    """More joints: name, parent, place and mass."""
    for name, parent, place, mass in more:
        skeleton = Skeleton(
            (*skeleton.names, name),
            (*skeleton.parents, skeleton.names.index(parent)),
            np.concatenate([skeleton.joints, [place]]),
            np.concatenate([skeleton.tips, [place]]),
            np.append(skeleton.mass, mass),
            skeleton.extent,
        )
    return skeleton


def test_helpers_hang_on_the_part_that_carries_them():
    plain, where = build(BIPED, *NAMES["Unreal"])
    skeleton = with_joints(
        plain,
        ("ik_foot_root", "pelvis", (0, 0, 0), 0.0),
        ("ik_foot_l", "ik_foot_root", (0.1, 0.08, 0), 0.0),
        ("thigh_twist_01_l", "thigh_l", (0.1, 0.7, 0), 0.02),
        ("weapon_r", "hand_r", (-0.75, 1.4, 0), 0.02),
        ("eye_l", "head", (0.03, 1.7, 0.1), 0.01),
        ("jaw", "head", (0, 1.62, 0.05), 0.01),
        ("leg_pole_target.L", "pelvis", (0.1, 0.5, 1.0), 0.0),
    )
    found = joint_roles(skeleton)
    moved = dict(zip(skeleton.names, nearest_named(skeleton.parents, found.roles), strict=True))
    assert [moved[name] for name in ("thigh_twist_01_l", "weapon_r", "eye_l", "jaw")] == [
        "leg_L",
        "arm_R",
        "head",
        "jaw",
    ]
    assert chain(skeleton, found, "leg_L") == [where[f"{slot} L"] for slot in BIPED_CHAINS["leg"]]
    assert moved["leg_pole_target.L"] == moved["ik_foot_l"] == "root" and found.body == "biped"


def test_feet_of_inverse_kinematics_hang_on_their_legs():
    skeleton, where = build(BIPED, *NAMES["Quaternius"])
    skeleton = with_joints(skeleton, ("Root", "Hips", (0, 0, 0), 0.0))
    loose = [skeleton.names.index(where[f"foot {side}"]) for side in "LR"]
    parents = tuple(len(skeleton.names) - 1 if j in loose else p for j, p in enumerate(skeleton.parents))
    order = parents_first(parents)
    apart = skeleton.permuted(order, parents)
    found = joint_roles(apart)
    for side in "LR":
        assert chain(apart, found, f"leg_{side}") == [where[f"{slot} {side}"] for slot in BIPED_CHAINS["leg"]]
        foot, shin = (apart.names.index(where[f"{slot} {side}"]) for slot in ("foot", "shin"))
        assert found.parents[foot] == shin
    assert found.body == "biped"


def test_limbs_of_deforming_bones_alone_find_their_trunk():
    skeleton, where = build(BIPED, *NAMES["Rigify"])
    names = ("Armature", *skeleton.names)
    tops = {where[f"{slot} {side}"] for slot in ("thigh", "clavicle", "upper_arm", "finger") for side in "LR"}
    parents = (-1, *(0 if skeleton.names[j] in tops else p + 1 for j, p in enumerate(skeleton.parents)))
    flat = Skeleton(
        names,
        parents,
        np.concatenate([[[0, 0, 0]], skeleton.joints]),
        np.concatenate([[[0, 0, 0]], skeleton.tips]),
        np.append(0.0, skeleton.mass),
        skeleton.extent,
    )
    found = joint_roles(flat)
    assert found.body == "biped"
    for side in "LR":
        assert chain(flat, found, f"leg_{side}") == [where[f"{slot} {side}"] for slot in BIPED_CHAINS["leg"]]
        assert chain(flat, found, f"arm_{side}") == [where[f"{slot} {side}"] for slot in BIPED_CHAINS["arm"]]
        assert nearest_named(found.parents, found.roles)[names.index(where[f"finger {side}"])] == f"arm_{side}"
    assert chain(flat, found, "head") == [where["head"]]


def radial(pairs: int, names: str) -> Skeleton:
    """A body with pairs of legs of two joints along z, from front to back."""
    entries = [("Body", -1, (0.0, 0.4, 0.0))]
    for pair in range(pairs):
        for side, word in ((1, "L"), (-1, "R")):
            z = 0.5 - pair * 0.3
            entries.append((names.format(pair + 1, 1, word), 0, (0.2 * side, 0.4, z)))
            entries.append((names.format(pair + 1, 2, word), len(entries) - 1, (0.6 * side, 0.5, z)))
    joints = np.array([place for *_, place in entries], float)
    tips = joints.copy()
    for joint, (_, parent, _) in enumerate(entries):
        if parent > 0:
            tips[parent], tips[joint] = joints[joint], joints[joint] * [1.5, 0, 1]
    mass = np.full(len(entries), 1.0 / len(entries))
    extent = np.ptp(np.concatenate([joints, tips]), axis=0)
    return Skeleton(tuple(n for n, *_ in entries), tuple(p for _, p, _ in entries), joints, tips, mass, extent)


@pytest.mark.parametrize("names", ["leg_{0}_{1}.{2}", "Leg{0}Part{1}_{2}", "Bone.{0}{1}{2}x"])
@pytest.mark.parametrize("pairs", [3, 4])
def test_legs_of_insects_are_numbered_from_the_front(names, pairs):
    skeleton = radial(pairs, names)
    found = joint_roles(skeleton)
    assert found.body == "insect"
    for pair in range(pairs):
        wanted = [names.format(pair + 1, part, "L") for part in (1, 2)]
        assert chain(skeleton, found, f"leg{pair + 1}_L") == wanted


def row(names: list[str], step: tuple[float, float, float], extent: tuple[float, float, float]) -> Skeleton:
    joints = np.arange(len(names))[:, None] * np.array(step)
    tips = joints + np.array(step)
    mass = np.full(len(names), 1.0 / len(names))
    return Skeleton(tuple(names), tuple(range(-1, len(names) - 1)), joints, tips, mass, np.array(extent))


@pytest.mark.parametrize(
    ("skeleton", "body", "last"),
    [
        (row([f"Main{i}" for i in range(6)], (0, 0, -0.2), (0.4, 0.6, 1.2)), "fish", "tail"),
        (row([f"joint{i}" for i in range(12)], (0, 0, -0.1), (0.1, 0.1, 1.3)), "snake", "tail"),
        (row(["Root", "Spine1", "Spine2", "Tail"], (0, 0, -0.3), (0.3, 0.5, 1.2)), "fish", "tail"),
        (row([f"Bone.{i:03d}" for i in range(5)], (0, 0.2, 0), (0.3, 1.0, 0.3)), "stem", "stem"),
        (row(["Root", "Lever"], (0, 0.2, 0), (0.3, 1.0, 0.3)), "thing", "other"),
        (row(["Chest_Bottom", "Chest_Top"], (0, 0.2, 0), (0.3, 1.0, 0.3)), "thing", "other"),
    ],
)
def test_joints_in_a_row_are_a_fish_a_snake_a_stem_or_a_thing(skeleton, body, last):
    found = joint_roles(skeleton)
    assert (found.body, found.roles[-1]) == (body, last)


def test_wings_beside_two_legs_are_those_of_a_bird_and_beside_four_of_a_quadruped():
    bird = with_joints(
        build(BIPED, *NAMES["KayKit"])[0],
        *(
            (f"Wing{i}.{s}", "chest" if i == 1 else f"Wing1.{s}", (x * i, 1.4, -0.1), 0.1)
            for s, x in (("L", 0.2), ("R", -0.2))
            for i in (1, 2)
        ),
    )
    arms = tuple(name.replace("arm", "thing").replace("hand", "x").replace("shoulder", "y") for name in bird.names)
    found = joint_roles(replace(bird, names=arms))
    assert found.body == "bird" and chain(bird, found, "wing_L") == ["Wing1.L", "Wing2.L"]
    dragon = with_joints(
        build(QUADRUPED, *QUADRUPED_NAMES["Quaternius"])[0],
        *(
            (f"Wing{i}.{s}", "Torso2" if i == 1 else f"Wing1.{s}", (x * i, 1.3, 0.2), 0.1)
            for s, x in (("L", 0.3), ("R", -0.3))
            for i in (1, 2)
        ),
    )
    found = joint_roles(dragon)
    assert found.body == "quadruped" and chain(dragon, found, "wing_R") == ["Wing1.R", "Wing2.R"]


def test_short_forelegs_of_a_body_on_two_legs_are_arms():
    skeleton, where = build(QUADRUPED, *QUADRUPED_NAMES["Quaternius"])
    high = skeleton.joints.copy()
    for slot, y in (("upper", 0.95), ("lower", 0.85), ("paw", 0.75)):
        for side in "LR":
            high[skeleton.names.index(where[f"{slot} {side}"]), 1] = y
    found = joint_roles(replace(skeleton, joints=high, tips=high))
    assert found.body == "biped" and chain(skeleton, found, "arm_L")[-1] == where["paw L"]


def test_a_known_body_class_decides():
    skeleton, _ = build(QUADRUPED, *QUADRUPED_NAMES["Quaternius"])
    found = joint_roles(skeleton, "biped")
    assert found.body == "biped" and {"leg_L", "arm_L"} <= set(found.roles)


JOINTS = st.tuples(st.text(max_size=12), st.integers(0, 30), st.floats(-1, 1), st.floats(0, 1))


@given(st.text(max_size=40))
def test_any_name_can_be_read(name):
    part = read_name(name)
    assert part.side in ("L", "R", None) and 0 <= part.level <= 4


@given(st.lists(JOINTS, min_size=1, max_size=30))
def test_any_skeleton_has_roles_in_chains(joints):
    words = ["LeftLeg", "arm.R", "tail", "Head", "Bone", "ik_foot.L", "wing_l", "spine", "foot.R", "Hips"]
    names = tuple(words[n % 10] + text for n, (text, *_) in enumerate(joints))
    parents = tuple(-1 if not j else joints[j][1] % j for j in range(len(joints)))
    places = np.array([[x, (i * 7 % 5) / 5, (i * 3 % 7) / 7] for i, (_, _, x, _) in enumerate(joints)])
    mass = np.array([m for *_, m in joints])
    skeleton = Skeleton(names, parents, places, places + 0.05, mass, np.ptp(places, axis=0) + 0.1)
    found = joint_roles(skeleton)
    assert found.roles[0] == "root" and 0.0 <= found.confidence <= 1.0 + 1e-9
    order = parents_first(found.parents)
    seen = set()
    for joint in order:
        assert found.parents[joint] in seen or found.parents[joint] == -1
        seen.add(joint)
    for role in set(found.roles) - {"other"}:
        ranks = sorted(rank for rank, each in zip(found.ranks, found.roles, strict=True) if each == role)
        assert ranks == list(range(len(ranks)))
